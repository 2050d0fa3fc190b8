"""One access rule: its page, and the actions on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlencode

from starlette.responses import Response

from auth_service.access.rules import AccessChangedError
from auth_service.administration.access_rules import (
    AccessRuleAdministration,
    NoSuchRuleError,
)
from auth_service.pages.console.operation_errors import refusals
from auth_service.pages.console.sections import Administrator, NotThereError
from auth_service.pages.current_password import NotDoneError
from auth_service.protocol.access_rules import AccessRule, parse_rule, rule_named
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.web.render import PageTemplates, see_other
from shared.texts import Text

RULE_SOURCES = {
    "store": "",
    "file": Text("declared in a file"),
    "settings": Text("from the settings"),
}


@dataclass(frozen=True, kw_only=True)
class AccessRuleSection:
    """The section of one access rule: edits and removes it."""

    administration: AccessRuleAdministration
    templates: PageTemplates

    dangerous: ClassVar = frozenset({"edit"})

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        current = await self.administration.rules.load()
        rule = rule_named(current.access, query.get("id") or "") if current.access else None
        if rule is None:
            raise NotThereError
        page = "console_access_rule_remove" if query.get("confirm") == "remove" else "console_access_rule"
        context = {
            "admin": admin,
            "rule": rule,
            "url": rule_url(rule.rule_id),
            "scopes": " ".join(sorted(rule.scopes)),
            "source": current.source_of(rule.rule_id),
        }
        return self.templates.render(f"{page}.html", context)

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        rule_id, action = form.require("id"), form.require("action")
        with rule_refusals():
            if action == "remove":
                await self.administration.remove(admin.actor, rule_id)
                return see_other("access")
            if action == "edit":
                await self._edit(rule_id, form, admin)
                return see_other(rule_url(rule_id))
        raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "action must be edit or remove")

    async def _edit(self, rule_id: str, form: Parameters, admin: Administrator) -> None:
        before, current = form.require("before"), await self.administration.rules.load()
        rule = rule_named(current.access, rule_id) if current.access else None
        if rule is None:
            raise NotThereError

        def require(existing: AccessRule) -> None:
            if " ".join(sorted(existing.scopes)) != before:
                raise _changed()

        scopes = scopes_of(form)
        wanted = parse_rule(rule.holder, rule.name, rule.resource, scopes)
        await self.administration.edit(admin.actor, wanted, require=require)


@contextmanager
def rule_refusals() -> Iterator[None]:
    """Turn the errors of operations on access rules into pages.

    Raises:
        NotDoneError: the rule is not valid, exists, or was changed in the meantime.
        NotThereError: the rule was removed in the meantime.
    """
    try:
        with refusals():
            yield
    except NoSuchRuleError as error:
        raise NotThereError from error
    except AccessChangedError as error:
        raise _changed() from error


def scopes_of(form: Parameters) -> str | list[str]:
    """Return the scopes of a posted form, as the rules in a file write them."""
    scopes = form.require("scopes").split()
    return "*" if scopes == ["*"] else scopes


def rule_url(rule_id: str) -> str:
    """Return the page of a rule, relative to the console."""
    return f"access-rule?{urlencode({'id': rule_id})}"


def _changed() -> NotDoneError:
    return NotDoneError(
        Text("Somebody else has changed the access rules in the meantime."), 409, Reason.IF_MATCH_FAILED
    )
