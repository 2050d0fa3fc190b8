"""POST /revocations (RFC 8936): a resource server waits for the grants that end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth_service.client_auth.introspection_callers import IntrospectionCaller, IntrospectionCallers
from auth_service.connected_accounts.disconnections import Disconnections
from auth_service.definitions.approved import ApprovedDefinitions
from auth_service.endpoints.descriptions.revocations import OPERATION
from auth_service.events.event_buffer import Batch
from auth_service.events.revocation_stream import RevocationStream
from auth_service.events.signing import SignedEvents
from auth_service.protocol.errors import InvalidRequestError, NotAResourceServerError, UnknownPositionError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.set_polling import EventPoll, parse_poll
from auth_service.stops.for_callers import StopsForCallers
from auth_service.web.http import answers_errors, json_response
from auth_service.web.route import Endpoint
from shared.asgi import header_values
from shared.disconnections import MEMBER as DISCONNECTED
from shared.disconnections import Disconnection, disconnections_to_wire
from shared.logs import get_logger
from shared.pinned_definitions import MEMBER as DEFINITIONS
from shared.stops import MEMBER, stops_to_wire

_log = get_logger(__name__)
_NONE = Batch([], more=False)


@dataclass(frozen=True, kw_only=True)
class RevocationsEndpoint:
    """Sends all events to every resource server, and what is stopped.

    Attributes:
        stops: the stops by the names that the caller knows.
        disconnections: the credentials of connected accounts that have ended.
        approved: the definitions of tools that administrators have approved.
        lost: called with the name of a resource server that may have missed events.
    """

    callers: IntrospectionCallers
    revocation_stream: RevocationStream
    signed: SignedEvents
    stops: StopsForCallers
    disconnections: Disconnections
    approved: ApprovedDefinitions
    lost: Callable[[str], None] | None = None

    async def handle(self, request: Request) -> Response:
        caller = await self._caller(request)
        poll = parse_poll(await _json_body(request))
        for jti, reason in poll.failed:
            _log.warning(
                "the receiver rejected a security event", receiver=caller.name, jti=jti, reason=reason
            )
        try:
            batch = await while_there(request, self._next(poll)) or _NONE
        except UnknownPositionError:
            if self.lost is not None:
                self.lost(caller.name)
            raise
        sets = await self.signed.tokens(batch.events, caller.name)
        # After the events, so that the answer to an event has what was changed before it.
        stops = stops_to_wire(await self.stops.of(caller))
        ended = await self._disconnected(caller)
        state = {MEMBER: stops, DISCONNECTED: ended, DEFINITIONS: await self.approved.version()}
        return json_response({"sets": sets, "moreAvailable": batch.more, **state})

    async def _caller(self, request: Request) -> IntrospectionCaller:
        caller = await self.callers.authenticate(
            header_values(request.scope, "authorization"), Parameters({})
        )
        if caller.client_id is not None:
            raise NotAResourceServerError(
                Reason.CALLER_NOT_RESOURCE_SERVER, "only configured resource servers receive revocations"
            )
        return caller

    async def _disconnected(self, caller: IntrospectionCaller) -> list[dict[str, str]] | None:
        """Return the credentials for resources of the caller that it must no longer use."""
        records = await self.disconnections.recent()
        return disconnections_to_wire(
            Disconnection(record.subject, record.resource, record.version)
            for record in records
            if record.resource in caller.resources
        )

    async def _next(self, poll: EventPoll) -> Batch:
        waits = poll.max_events > 0 and not poll.return_immediately
        return await self.revocation_stream.next(poll.seen, poll.max_events, waits=waits)

    def endpoint(self) -> Endpoint:
        """Return the endpoint with its description."""
        return Endpoint(
            path="/revocations",
            handler=answers_errors(self.handle),
            methods=("POST",),
            operations={"POST": OPERATION},
        )


async def _json_body(request: Request) -> bytes:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise InvalidRequestError(Reason.CONTENT_TYPE_WRONG, "the body must be application/json")
    return await request.body()


async def while_there(request: Request, waiting: Coroutine[Any, Any, Batch]) -> Batch | None:
    """Return the result of `waiting`; None as soon as the client has disconnected."""
    result, gone = asyncio.ensure_future(waiting), asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait((result, gone), return_when=asyncio.FIRST_COMPLETED)
        return result.result() if result.done() else None
    finally:
        result.cancel()
        gone.cancel()


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
