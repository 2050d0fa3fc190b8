"""/admin/api/definitions: pinned, held and approved definitions of tools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from auth_service.administration.definitions import (
    ChangedSinceError,
    DefinitionAdministration,
    PinnedResource,
)
from auth_service.definitions.approved import ApprovalRecord
from auth_service.endpoints.admin_api.descriptions import definitions as descriptions
from auth_service.endpoints.admin_api.listing import listing
from auth_service.endpoints.admin_api.objects import conflicts, not_there, page
from auth_service.endpoints.admin_api.requests import AdminRequest
from auth_service.endpoints.admin_api.routing import AdminOperation, AdminRouting
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.reasons import Reason
from auth_service.web.route import Endpoint
from shared.pinned_definitions import HeldDefinition


@dataclass(frozen=True, kw_only=True)
class DefinitionsApi:
    """Lists what is held, approves it, and withdraws approvals."""

    administration: DefinitionAdministration

    async def browse(self, admin: AdminRequest) -> Response:
        """Return the resources with their definitions."""
        listed = await self.administration.listed()
        some, after = listing(listed, lambda each: (each.resource,), admin.query)
        return page("pinned_resources", [_resource(each) for each in some], after)

    async def approve(self, admin: AdminRequest) -> Response:
        """Approve one definition, exactly as it was read."""
        try:
            with conflicts():
                await self.administration.approve(
                    admin.actor, await self._of(admin), [admin.path("definition")]
                )
        except ChangedSinceError:
            raise not_there("held definition") from None
        return Response(status_code=204)

    async def withdraw(self, admin: AdminRequest) -> Response:
        """Withdraw an approval."""
        if not await self.administration.withdraw(
            admin.actor, await self._of(admin), admin.path("definition")
        ):
            raise not_there("approval")
        return Response(status_code=204)

    async def _of(self, admin: AdminRequest) -> str:
        """Return the resource that the query names, in the spelling of this server."""
        resource = admin.query.resource()
        if resource is None:
            raise InvalidRequestError(Reason.ADMIN_VALUE_INVALID, "resource must be the URL of the resource")
        current = await self.administration.of(resource)
        if current is None:
            raise not_there("resource")
        return current.resource

    def endpoints(self, routing: AdminRouting) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            routing.endpoint(
                "/definitions", {"GET": AdminOperation(perform=self.browse, description=descriptions.LIST)}
            ),
            routing.endpoint(
                "/definitions/{definition}",
                {
                    "PUT": AdminOperation(perform=self.approve, description=descriptions.APPROVE, fresh=True),
                    "DELETE": AdminOperation(perform=self.withdraw, description=descriptions.WITHDRAW),
                },
            ),
        ]


def _resource(each: PinnedResource) -> dict[str, Any]:
    return {
        "resource": each.resource,
        **({} if each.reported_at is None else {"reported_at": each.reported_at}),
        "pinned": [
            {"definition": kind.definition, "count": kind.count, "names": list(kind.names)}
            for kind in each.pinned
        ],
        "held": [_held(held) for held in each.held],
        "approved": [_approved(record) for record in each.approved],
    }


def _held(held: HeldDefinition) -> dict[str, Any]:
    return {"definition_id": held.identity, **held.to_wire()}


def _approved(record: ApprovalRecord) -> dict[str, Any]:
    return {
        "definition_id": record.identity,
        **record.approved._asdict(),
        "by": record.by,
        "at": record.at,
    }
