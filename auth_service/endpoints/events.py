"""POST /events: a resource server delivers its part of the journal: the calls that it allowed and refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth_service.client_auth.introspection_callers import IntrospectionCaller, IntrospectionCallers
from auth_service.endpoints.descriptions.events import OPERATION
from auth_service.grants.tool_calls import ToolCallRepository
from auth_service.journal.quota import DeliveryQuota
from auth_service.journal.received import ChainConflictError, ReceivedChains, answer
from auth_service.protocol.errors import InvalidRequestError, NotAResourceServerError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.tool_calls import counted_calls
from auth_service.web.http import answers_errors, json_response
from auth_service.web.route import Endpoint
from shared.asgi import header_values
from shared.journal.chain import Head
from shared.journal.delivery import EVENTS_PATH, MEDIA_TYPE, Delivery, read_delivery, server_of
from shared.logs import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class EventsEndpoint:
    """Accepts the chains of configured resource servers, and counts calls of tools under grants.

    Attributes:
        own_head: returns the last stored entry of this process's chain, which resource servers keep.
    """

    callers: IntrospectionCallers
    tool_calls: ToolCallRepository
    received: ReceivedChains
    own_head: Callable[[], Head | None]
    quota: DeliveryQuota

    async def handle(self, request: Request) -> Response:
        caller = await self._caller(request)
        body = await request.body()
        delivery = _delivery(body, caller)
        await self.quota.spend(caller.name, len(body))
        try:
            received = await self.received.add(delivery)
        except ChainConflictError as error:
            _log.warning("the journal was not continued", caller=caller.name, reason=str(error))
            return json_response({"error": "conflict", "through": error.through}, status=409)
        except ValueError as error:
            raise _malformed(error) from error
        await self._count(delivery.chain, received.events, caller)
        return json_response(answer(received, self.own_head()))

    async def _count(self, chain: str, events: Sequence[dict[str, Any]], caller: IntrospectionCaller) -> None:
        if not events:
            return
        # Each entry is stored once, so the first one tells apart deliveries that two processes have received.
        batch = counted_calls(f"{chain}:{events[0]['sequence']}", events)
        if batch.events:
            await self.tool_calls.apply(batch, caller)

    async def _caller(self, request: Request) -> IntrospectionCaller:
        caller = await self.callers.authenticate(
            header_values(request.scope, "authorization"), Parameters({})
        )
        if caller.client_id is not None:
            raise NotAResourceServerError(
                Reason.CALLER_NOT_RESOURCE_SERVER, "only a configured resource server reports events"
            )
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != MEDIA_TYPE:
            raise InvalidRequestError(Reason.CONTENT_TYPE_WRONG, f"the body must be {MEDIA_TYPE}")
        return caller

    def endpoint(self) -> Endpoint:
        """Return the endpoint with its description."""
        return Endpoint(
            path=EVENTS_PATH,
            handler=answers_errors(self.handle),
            methods=("POST",),
            operations={"POST": OPERATION},
        )


def _delivery(body: bytes, caller: IntrospectionCaller) -> Delivery:
    try:
        delivery = read_delivery(body)
        if server_of(delivery.chain) != caller.name:
            raise ValueError("the chain is that of another resource server")
    except ValueError as error:
        raise _malformed(error) from error
    return delivery


def _malformed(error: ValueError) -> InvalidRequestError:
    return InvalidRequestError(
        Reason.BODY_MALFORMED, "the body must be entries of a chain", detail=str(error)
    )
