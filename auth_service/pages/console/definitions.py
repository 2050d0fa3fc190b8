"""Pinned definitions of tools: what is held, compared word by word, and the forms to approve it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from starlette.responses import Response

from auth_service.administration.definitions import (
    ChangedSinceError,
    DefinitionAdministration,
    PinnedResource,
)
from auth_service.definitions.approved import ApprovalRecord
from auth_service.pages.console.operation_errors import refusals
from auth_service.pages.console.sections import Administrator, NotThereError
from auth_service.pages.current_password import NotDoneError
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.resources import ResourceRegistry
from auth_service.web.moments import day
from auth_service.web.render import PageTemplates, see_other
from shared.pinned_definitions import HeldDefinition, ValueChange
from shared.texts import Text
from shared.visible_text import visible, visible_parts

_PREFIX = "approve-"
"""Begins the names of the check boxes, which end with the identity of a held definition."""


@dataclass(frozen=True, kw_only=True)
class DefinitionsSection:
    """The section of pinned definitions: all MCP servers, or the one at the URL of the query."""

    administration: DefinitionAdministration
    resource_registry: ResourceRegistry
    templates: PageTemplates

    dangerous: ClassVar = frozenset({"approve"})

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        url = query.get("url")
        if url is None:
            rows = [self._row(each) for each in await self.administration.listed()]
            return self.templates.render("console_definitions.html", {"admin": admin, "rows": rows})
        current = await self.administration.of(url)
        if current is None:
            raise NotThereError
        context = {
            "row": self._row(current),
            "admin": admin,
            "definitions": [_held(each) for each in current.held],
            "approvals": [_approval(each) for each in reversed(current.approved)],
        }
        return self.templates.render("console_definition.html", context)

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        action, current = form.require("action"), await self.administration.of(form.require("url"))
        if current is None:
            raise NotThereError
        if action == "approve":
            await self._approve(current.resource, form, admin)
        elif action == "withdraw":
            await self.administration.withdraw(admin.actor, current.resource, form.require("approval"))
        else:
            raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "action must be approve or withdraw")
        return see_other(f"definitions?{urlencode({'url': current.resource})}")

    async def _approve(self, resource: str, form: Parameters, admin: Administrator) -> None:
        chosen = [name.removeprefix(_PREFIX) for name in form.values if name.startswith(_PREFIX)]
        try:
            with refusals():
                await self.administration.approve(admin.actor, resource, chosen)
        except ChangedSinceError as error:
            raise NotDoneError(
                Text("A definition has changed since it was shown. Nothing was approved: look at it again."),
                409,
                Reason.ADMIN_CONFLICT,
            ) from error

    def _row(self, each: PinnedResource) -> dict[str, Any]:
        registered = self.resource_registry.by_identifier(each.resource)
        return {
            "resource": each.resource,
            "name": registered.name if registered else each.resource,
            "reported": day(each.reported_at),
            "pinned": [
                {
                    "kind": kind.definition,
                    "count": kind.count,
                    "names": [visible(name) for name in kind.names],
                    "others": kind.count - len(kind.names),
                }
                for kind in each.pinned
            ],
            "held": len(each.held),
        }


def _held(held: HeldDefinition) -> dict[str, Any]:
    return {
        "field": f"{_PREFIX}{held.identity}",
        "kind": held.definition,
        "name": visible(held.name),
        "is_new": held.difference == "new",
        "digest": held.digest,
        "changes": None if held.changes is None else [_change(change) for change in held.changes],
    }


def _change(change: ValueChange) -> dict[str, Any]:
    parts = [(effect, list(visible_parts(text))) for effect, text in change.parts]
    return {"at": visible(change.at), "parts": parts, "escapes": _has_escapes(parts)}


def _has_escapes(parts: Iterable[tuple[str, list[tuple[str, bool]]]]) -> bool:
    return any(is_escape for _, pieces in parts for _, is_escape in pieces)


def _approval(record: ApprovalRecord) -> dict[str, Any]:
    return {
        "approval": record.identity,
        "kind": record.definition,
        "name": visible(record.name),
        "digest": record.digest,
        "by": record.by,
        "at": day(record.at),
    }
