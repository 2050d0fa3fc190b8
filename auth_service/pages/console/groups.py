"""Local groups, and the members of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlencode

from starlette.responses import Response

from auth_service.access.groups import Groups, editable
from auth_service.administration.groups import GroupAdministration
from auth_service.pages.console.operation_errors import refusals
from auth_service.pages.console.sections import Administrator
from auth_service.pages.pagination import paginated
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.users.repository import UserRepository
from auth_service.web.render import PageTemplates, see_other


@dataclass(frozen=True)
class GroupsSection:
    """The section of all local groups; a group is created with its first member."""

    groups: Groups
    administration: GroupAdministration
    templates: PageTemplates

    dangerous: ClassVar = frozenset({"add"})

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        wanted = query.get("q") or ""
        names = [name for name in await self.groups.names() if wanted.casefold() in name.casefold()]
        listed, page = paginated(sorted(names), query, "groups")
        rows = [(name, group_url(name), len(await self.groups.members(name))) for name in listed]
        context = {"admin": admin, "q": wanted, "page": page, "groups": rows}
        return self.templates.render("console_groups.html", context)

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        if form.require("action") != "add":
            raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "action must be add")
        group = form.require("group")
        with refusals():
            await self.administration.add(admin.actor, group, form.require("member"))
        return see_other(group_url(group))


@dataclass(frozen=True)
class GroupSection:
    """The section of one group: adds and removes members."""

    users: UserRepository
    groups: Groups
    administration: GroupAdministration
    templates: PageTemplates

    dangerous: ClassVar = frozenset({"add"})

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        group, wanted = query.get("name") or "", query.get("q") or ""
        with refusals():
            editable(group)
        members = [name for name in await self.groups.members(group) if wanted.casefold() in name]
        listed, page = paginated(sorted(members), query, "group")
        rows = [(name, await self._username(name)) for name in listed]
        context = {"admin": admin, "group": group, "q": wanted, "page": page, "members": rows}
        return self.templates.render("console_group.html", context)

    async def _username(self, member: str) -> str | None:
        """Return the username of a member who is listed by subject; None for others."""
        kind, _, subject = member.partition(":")
        user = await self.users.by_subject(subject) if kind == "subject" else None
        return user.username if user else None

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        group, member, action = form.require("group"), form.require("member"), form.require("action")
        with refusals():
            if action == "add":
                await self.administration.add(admin.actor, group, member)
            elif action == "remove":
                await self.administration.remove(admin.actor, group, member)
            else:
                raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "action must be add or remove")
        return see_other(group_url(group))


def group_url(group: str) -> str:
    """Return the page of a group, relative to the console."""
    return f"group?{urlencode({'name': group})}"
