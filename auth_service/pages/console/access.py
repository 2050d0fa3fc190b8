"""The access rules: the list, a new rule, the contact, and what a person may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from starlette.responses import Response

from auth_service.access.control import AccessControl
from auth_service.access.groups import Groups
from auth_service.administration.access_rules import AccessRuleAdministration
from auth_service.pages.console.access_rule import RULE_SOURCES, rule_refusals, rule_url, scopes_of
from auth_service.pages.console.sections import Administrator
from auth_service.pages.current_password import NotDoneError
from auth_service.pages.pagination import paginated
from auth_service.protocol.access import ADMINISTRATORS
from auth_service.protocol.access_rules import parse_rule, rules_of
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.resources import ResourceRegistry
from auth_service.web.render import PageTemplates, see_other
from shared.texts import Text
from shared.uris import resource_key


@dataclass(frozen=True, kw_only=True)
class AccessSection:
    """The section of all access rules."""

    administration: AccessRuleAdministration
    control: AccessControl
    groups: Groups
    resource_registry: ResourceRegistry
    templates: PageTemplates

    dangerous: ClassVar = frozenset({"add", "contact"})

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        current = await self.administration.rules.load()
        wanted = (query.get("q") or "").casefold()
        rules = [] if current.access is None else list(rules_of(current.access))
        matching = [rule for rule in rules if wanted in f"{rule.name} {rule.resource}".casefold()]
        listed, page = paginated(matching, query, "access")
        context = {
            "admin": admin,
            "q": query.get("q") or "",
            "page": page,
            "open": current.access is None,
            "contact": current.access.contact if current.access else None,
            "rules": [
                (rule, rule_url(rule.rule_id), RULE_SOURCES[current.source_of(rule.rule_id)])
                for rule in listed
            ],
            "resources": [resource.resource for resource in self.resource_registry.resources],
            "groups": [ADMINISTRATORS, *sorted(await self.groups.names())],
            **await self._decision(query),
        }
        return self.templates.render("console_access.html", context)

    async def _decision(self, query: Parameters) -> Mapping[str, Any]:
        """Return what the person in the form may hold at the resource in it."""
        person, resource = (query.get("person") or "").strip(), (query.get("url") or "").strip()
        values = {"person": person, "resource": resource, "decided": bool(person and resource)}
        if not values["decided"]:
            return values
        try:
            resource_key(resource)
        except ValueError as error:
            message = Text("The URL of the resource is not valid.")
            raise NotDoneError(message, 400, Reason.FORM_FIELD_INVALID) from error
        return {**values, "held": await self.control.held_by_username(person, resource)}

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        action = form.require("action")
        with rule_refusals():
            if action == "add":
                return await self._add(form, admin)
            if action == "contact":
                await self.administration.set_contact(admin.actor, (form.get("contact") or "").strip())
                return see_other("access")
        raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "action must be add or contact")

    async def _add(self, form: Parameters, admin: Administrator) -> Response:
        name, resource = form.require("name").strip(), form.require("url").strip()
        rule = parse_rule(form.require("holder"), name, resource, scopes_of(form))
        await self.administration.add(admin.actor, rule, closes=form.get("closes") is not None)
        return see_other(rule_url(rule.rule_id))
