"""A response that is served as long as the token of its request is valid (RS-13)."""

from __future__ import annotations

from starlette.types import ASGIApp, Scope

from resource_service.auth.authentication import token_in
from resource_service.errors import Refusal
from resource_service.introspection.lease_scope import note_lease
from resource_service.introspection.leases import Leases
from resource_service.messages.listening import listens
from resource_service.messages.request_ids import noted_request_ids
from resource_service.middleware.endable_response import EndableResponse
from resource_service.stops.matching import StoppableRequest


async def serve_leased(
    leases: Leases,
    app: ASGIApp,
    *,
    answer: EndableResponse,
    scope: Scope,
    request: StoppableRequest,
    checked_at: float,
) -> None:
    """Serve `answer` by `app`; it ends with the token.

    Args:
        checked_at: when the token was introspected, on the clock of `leases`.

    Raises:
        Refusal: of `app`; it answers the noted requests.
    """
    lease = leases.open(
        request.principal,
        token_in(scope),
        answer.end,
        checked_at=checked_at,
        standing=scope["method"] == "GET" or listens(request.messages),
    )
    note_lease(scope, leases, lease)
    try:
        await answer.serve(app)
    except Refusal as refusal:
        refusal.answers = noted_request_ids(scope)
        raise
    finally:
        leases.close(lease)
