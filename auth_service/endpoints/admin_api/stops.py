"""/admin/api/stops: the stop switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from auth_service.administration.stops import ListedStop, StopAdministration
from auth_service.endpoints.admin_api.descriptions import stops as descriptions
from auth_service.endpoints.admin_api.listing import listing
from auth_service.endpoints.admin_api.objects import conflicts, not_there, page
from auth_service.endpoints.admin_api.requests import AdminRequest
from auth_service.endpoints.admin_api.routing import AdminOperation, AdminRouting
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.reasons import Reason
from auth_service.web.http import json_response
from auth_service.web.route import Endpoint
from shared.stops import Stop, StopKind

_MEMBERS = ("kind", "name", "resource", "reason")


@dataclass(frozen=True, kw_only=True)
class StopsApi:
    """Lists, makes and ends stops."""

    administration: StopAdministration

    async def browse(self, admin: AdminRequest) -> Response:
        """Return the stops, oldest first."""
        listed = await self.administration.listed()
        some, after = listing(listed, lambda each: (each.record.at, each.stop_id), admin.query)
        return page("stops", [_stop(each) for each in some], after)

    async def stop(self, admin: AdminRequest) -> Response:
        """Stop something, or replace the reason of its stop."""
        with conflicts():
            wanted = _wanted(await admin.json())
            listed = await self.administration.stop(admin.actor, wanted)
        return json_response(_stop(listed))

    async def resume(self, admin: AdminRequest) -> Response:
        """End a stop."""
        if not await self.administration.resume(admin.actor, admin.path("stop")):
            raise not_there("stop")
        return Response(status_code=204)

    def endpoints(self, routing: AdminRouting) -> list[Endpoint]:
        """Return the endpoints. To stop needs no login of the last minutes: it only takes away."""
        return [
            routing.endpoint(
                "/stops",
                {
                    "GET": AdminOperation(perform=self.browse, description=descriptions.LIST),
                    "PUT": AdminOperation(perform=self.stop, description=descriptions.STOP),
                },
            ),
            routing.endpoint(
                "/stops/{stop}",
                {"DELETE": AdminOperation(perform=self.resume, description=descriptions.RESUME, fresh=True)},
            ),
        ]


def _wanted(body: object) -> Stop:
    members = body if isinstance(body, dict) else {}
    texts = all(value is None or isinstance(value, str) for value in members.values())
    if not texts or not members.keys() <= set(_MEMBERS) or members.get("kind") not in [*StopKind]:
        kinds = ", ".join(StopKind)
        raise InvalidRequestError(
            Reason.ADMIN_VALUE_INVALID,
            f"the members are {', '.join(_MEMBERS)}, all text; kind is one of {kinds}",
        )
    return Stop(
        kind=StopKind(members["kind"]),
        name=members.get("name") or "",
        resource=members.get("resource"),
        reason=members.get("reason") or "",
    )


def _stop(listed: ListedStop) -> dict[str, Any]:
    record = listed.record
    return {
        "stop_id": listed.stop_id,
        **record.stop.to_wire(),
        **({"username": listed.username} if listed.username else {}),
        "by": record.by,
        "at": record.at,
    }
