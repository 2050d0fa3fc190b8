"""/admin/api/groups and /admin/api/access: local groups, and the access rules."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from auth_service.access.groups import Groups
from auth_service.access.rules import AccessChangedError, AccessRules, CurrentAccess
from auth_service.administration.groups import GroupAdministration
from auth_service.endpoints.admin_api.descriptions import access as descriptions
from auth_service.endpoints.admin_api.listing import listing
from auth_service.endpoints.admin_api.objects import conflicts, not_there, page
from auth_service.endpoints.admin_api.requests import AdminRequest, changed_since, etag, version_of
from auth_service.endpoints.admin_api.routing import AdminOperation, AdminRouting
from auth_service.protocol.access_document import access_document, parse_access
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.reasons import Reason
from auth_service.web.http import json_response
from auth_service.web.route import Endpoint


@dataclass(frozen=True, kw_only=True)
class AccessApi:
    """Reads and replaces groups and access rules."""

    groups: Groups
    administration: GroupAdministration
    rules: AccessRules

    async def browse(self, admin: AdminRequest) -> Response:
        """Return the names of the groups."""
        wanted = (admin.query.get("q") or "").casefold()
        names = [name for name in await self.groups.names() if wanted in name.casefold()]
        some, after = listing(names, lambda name: (name,), admin.query)
        return page("groups", some, after)

    async def read(self, admin: AdminRequest) -> Response:
        """Return the members of a group; a group without members does not exist."""
        return _members(sorted(await self.groups.members(admin.path("group"))))

    async def replace(self, admin: AdminRequest) -> Response:
        """Replace the members that the caller has read; members that others add meanwhile stay."""
        group, version = admin.path("group"), admin.if_match()
        body = await admin.members({"members": list}, required=())
        wanted = body.get("members")
        if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
            raise InvalidRequestError(Reason.ADMIN_VALUE_INVALID, "members must be a list of names")
        before = sorted(await self.groups.members(group))
        with conflicts():
            if version != version_of(before):
                if before != sorted({self.administration.name(name) for name in wanted}):
                    raise changed_since()
            else:
                await self.administration.replace(admin.actor, group, frozenset(before), wanted)
        return _members(sorted(await self.groups.members(group)))

    async def add(self, admin: AdminRequest) -> Response:
        """Add one member; nothing changes if they are in the group already."""
        with conflicts():
            await self.administration.add(admin.actor, admin.path("group"), admin.path("member"))
        return Response(status_code=204)

    async def remove(self, admin: AdminRequest) -> Response:
        """Remove one member."""
        with conflicts():
            removed = await self.administration.remove(admin.actor, admin.path("group"), admin.path("member"))
        if not removed:
            raise not_there("member")
        return Response(status_code=204)

    async def read_rules(self, admin: AdminRequest) -> Response:
        """Return the access rules."""
        return _rules(await self.rules.load())

    async def replace_rules(self, admin: AdminRequest) -> Response:
        """Replace the access rules in the version that the caller has read."""
        version, current = admin.if_match(), await self.rules.load()
        document = await admin.json()
        if isinstance(document, dict) and document.pop("open", False) is not False:
            raise InvalidRequestError(Reason.ADMIN_VALUE_INVALID, "rules cannot be removed, only replaced")
        with conflicts():
            access = parse_access(document)
        if version != str(current.version):
            # The repetition of a request that has already taken effect.
            if current.access == access and version == str(current.version - 1):
                return _rules(current)
            raise changed_since()
        try:
            with conflicts():
                saved = await self.rules.save(access, current.version, declared=current.declared)
        except AccessChangedError as error:
            raise changed_since() from error
        admin.actor.audit("access rules replaced", version=saved.version)
        return _rules(saved)

    def endpoints(self, routing: AdminRouting) -> list[Endpoint]:
        """Return the endpoints."""
        member = AdminOperation(perform=self.add, description=descriptions.ADD, fresh=True)
        return [
            routing.endpoint(
                "/groups", {"GET": AdminOperation(perform=self.browse, description=descriptions.LIST)}
            ),
            routing.endpoint(
                "/groups/{group}",
                {
                    "GET": AdminOperation(perform=self.read, description=descriptions.READ),
                    "PUT": AdminOperation(perform=self.replace, description=descriptions.REPLACE, fresh=True),
                },
            ),
            routing.endpoint(
                "/groups/{group}/members/{member}",
                {
                    "PUT": member,
                    "DELETE": AdminOperation(perform=self.remove, description=descriptions.REMOVE),
                },
            ),
            routing.endpoint(
                "/access",
                {
                    "GET": AdminOperation(perform=self.read_rules, description=descriptions.READ_RULES),
                    "PUT": AdminOperation(
                        perform=self.replace_rules, description=descriptions.REPLACE_RULES, fresh=True
                    ),
                },
            ),
        ]


def _members(members: list[str]) -> Response:
    return json_response({"members": members}, headers=etag(version_of(members)))


def _rules(current: CurrentAccess) -> Response:
    document = {"open": True} if current.access is None else access_document(current.access)
    return json_response(document, headers=etag(str(current.version)))
