"""/admin/api/access/rules and /admin/api/access/decision: single access rules, and what they give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from auth_service.access.control import AccessControl
from auth_service.access.rules import AccessChangedError, AccessRules, CurrentAccess
from auth_service.administration.access_rules import (
    AccessRuleAdministration,
    EverythingOpenError,
    NoSuchRuleError,
    RuleExistsError,
)
from auth_service.endpoints.admin_api.descriptions import access_rules as descriptions
from auth_service.endpoints.admin_api.listing import listing
from auth_service.endpoints.admin_api.objects import conflicts, not_there, page
from auth_service.endpoints.admin_api.requests import AdminRequest, changed_since, etag, version_of
from auth_service.endpoints.admin_api.routing import AdminOperation, AdminRouting
from auth_service.protocol.access import OPEN
from auth_service.protocol.access_rules import AccessRule, parse_rule, rule_named, rules_of
from auth_service.protocol.admin_access import ConflictError
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.reasons import Reason
from auth_service.web.http import json_response
from auth_service.web.route import Endpoint
from shared.uris import resource_key

_MEMBERS = ("group", "person", "resource", "scopes", "closes")


@dataclass(frozen=True, kw_only=True)
class AccessRulesApi:
    """Lists, creates, changes and removes access rules, and tells what they give a person."""

    administration: AccessRuleAdministration
    control: AccessControl

    @property
    def rules(self) -> AccessRules:
        """The rules in the store."""
        return self.administration.rules

    async def browse(self, admin: AdminRequest) -> Response:
        """Return the rules, by group or person and resource."""
        current, wanted = await self.rules.load(), (admin.query.get("q") or "").casefold()
        rules = [rule for rule in _all(current) if wanted in f"{rule.name} {rule.resource}".casefold()]
        some, after = listing(rules, lambda rule: (rule.holder, rule.name, rule.resource), admin.query)
        return page("rules", [_rule(rule, current) for rule in some], after)

    async def create(self, admin: AdminRequest) -> Response:
        """Create a rule; a rule that exists with the same scopes stays as it is."""
        body = await _object(admin, _MEMBERS)
        with conflicts():
            rule = parse_rule(*_holder(body), body.get("resource"), body.get("scopes"))
        await admin.drawn()
        if not admin.is_repeated:
            await self._add(admin, rule, closes=body.get("closes") is True)
        current = await self.rules.load()
        return _answer(_existing(current, rule.rule_id), current, status=201)

    async def _add(self, admin: AdminRequest, rule: AccessRule, *, closes: bool) -> None:
        try:
            with conflicts():
                await self._add_or_raise(admin, rule, closes=closes)
        except AccessChangedError as error:
            raise changed_since() from error

    async def _add_or_raise(self, admin: AdminRequest, rule: AccessRule, *, closes: bool) -> None:
        try:
            await self.administration.add(admin.actor, rule, closes=closes)
        except RuleExistsError as error:
            raise ConflictError(Reason.ADMIN_CONFLICT, str(error)) from error
        except EverythingOpenError as error:
            description = f"{error}; send closes: true to create it nevertheless"
            raise ConflictError(Reason.ADMIN_CONFLICT, description) from error

    async def read(self, admin: AdminRequest) -> Response:
        """Return one rule."""
        current = await self.rules.load()
        return _answer(_existing(current, admin.path("rule")), current)

    async def edit(self, admin: AdminRequest) -> Response:
        """Replace the scopes of a rule in the version that the caller has read."""
        version, body = admin.if_match(), await _object(admin, ("scopes",))
        rule = _existing(await self.rules.load(), admin.path("rule"))
        with conflicts():
            wanted = parse_rule(rule.holder, rule.name, rule.resource, body.get("scopes"))

        def require(existing: AccessRule) -> None:
            if _version(existing) != version:
                raise changed_since()

        try:
            with conflicts():
                await self.administration.edit(admin.actor, wanted, require=require)
        except NoSuchRuleError as error:
            raise not_there("rule") from error
        except AccessChangedError as error:
            raise changed_since() from error
        current = await self.rules.load()
        return _answer(_existing(current, wanted.rule_id), current)

    async def remove(self, admin: AdminRequest) -> Response:
        """Remove a rule."""
        try:
            await self.administration.remove(admin.actor, admin.path("rule"))
        except NoSuchRuleError as error:
            raise not_there("rule") from error
        except AccessChangedError as error:
            raise changed_since() from error
        return Response(status_code=204)

    async def decide(self, admin: AdminRequest) -> Response:
        """Return what a person may hold at a resource, and by which rules."""
        username, resource = admin.query.require("username"), admin.query.resource()
        if resource is None:
            raise InvalidRequestError(Reason.RESOURCE_MISSING, "resource is missing")
        with conflicts():
            resource_key(resource)
        held = await self.control.held_by_username(username, resource)
        if held is None:
            raise not_there("account")
        scopes = "*" if held is OPEN or "*" in held.scopes else sorted(held.scopes)
        return json_response({"scopes": scopes if held.anything else [], "rules": list(held.rules)})

    def endpoints(self, routing: AdminRouting) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            routing.endpoint(
                "/access/rules",
                {
                    "GET": AdminOperation(perform=self.browse, description=descriptions.LIST),
                    "POST": AdminOperation(
                        perform=self.create, description=descriptions.CREATE, fresh=True, creates=True
                    ),
                },
            ),
            routing.endpoint(
                "/access/rules/{rule}",
                {
                    "GET": AdminOperation(perform=self.read, description=descriptions.READ),
                    "PUT": AdminOperation(perform=self.edit, description=descriptions.EDIT, fresh=True),
                    "DELETE": AdminOperation(perform=self.remove, description=descriptions.REMOVE),
                },
            ),
            routing.endpoint(
                "/access/decision",
                {"GET": AdminOperation(perform=self.decide, description=descriptions.DECIDE)},
            ),
        ]


async def _object(admin: AdminRequest, names: tuple[str, ...]) -> dict[str, Any]:
    body = await admin.json()
    if not isinstance(body, dict) or not body.keys() <= set(names):
        raise InvalidRequestError(Reason.ADMIN_VALUE_INVALID, f"the members are {', '.join(names)}")
    return body


def _holder(body: dict[str, Any]) -> tuple[str, object]:
    [*holders] = (holder for holder in ("group", "person") if holder in body)
    if len(holders) != 1:
        raise InvalidRequestError(Reason.ADMIN_VALUE_INVALID, "a rule is for a group or for a person")
    return holders[0], body[holders[0]]


def _all(current: CurrentAccess) -> list[AccessRule]:
    return [] if current.access is None else list(rules_of(current.access))


def _existing(current: CurrentAccess, rule_id: str) -> AccessRule:
    rule = rule_named(current.access, rule_id) if current.access else None
    if rule is None:
        raise not_there("rule")
    return rule


def _version(rule: AccessRule) -> str:
    return version_of([rule.rule_id, rule.written_scopes])


def _rule(rule: AccessRule, current: CurrentAccess) -> dict[str, Any]:
    return {
        "rule_id": rule.rule_id,
        rule.holder: rule.name,
        "resource": rule.resource,
        "scopes": rule.written_scopes,
        "source": current.source_of(rule.rule_id),
    }


def _answer(rule: AccessRule, current: CurrentAccess, *, status: int = 200) -> Response:
    return json_response(_rule(rule, current), status, headers=etag(_version(rule)))
