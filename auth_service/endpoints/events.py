"""POST /events: a resource server reports the calls that it has allowed and refused."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.client_auth.introspection_callers import IntrospectionCaller, IntrospectionCallers
from auth_service.endpoints.descriptions.events import OPERATION
from auth_service.grants.tool_calls import ToolCallRepository
from auth_service.protocol.errors import InvalidRequestError, NotAResourceServerError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.web.http import answers_errors, json_response
from auth_service.web.route import Endpoint
from shared.asgi import header_values
from shared.call_events import EVENTS_PATH, CallBatch, read_batch
from shared.json_text import parse_json
from shared.logs import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class EventsEndpoint:
    """Accepts events of configured resource servers about grants for their own resources."""

    callers: IntrospectionCallers
    tool_calls: ToolCallRepository

    async def handle(self, request: Request) -> Response:
        caller = await self._caller(request)
        batch = _batch(await request.body())
        if batch.gap:
            _log.warning("calls were not counted", count=batch.gap, caller=caller.name)
        accepted = await self.tool_calls.apply(batch, caller)
        if accepted < len(batch.events):
            _log.info("events ignored", count=len(batch.events) - accepted, caller=caller.name)
        return json_response({"accepted": accepted})

    async def _caller(self, request: Request) -> IntrospectionCaller:
        caller = await self.callers.authenticate(
            header_values(request.scope, "authorization"), Parameters({})
        )
        if caller.client_id is not None:
            raise NotAResourceServerError(
                Reason.CALLER_NOT_RESOURCE_SERVER, "only a configured resource server reports events"
            )
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise InvalidRequestError(Reason.CONTENT_TYPE_WRONG, "the body must be application/json")
        return caller

    def endpoint(self) -> Endpoint:
        """Return the endpoint with its description."""
        return Endpoint(
            path=EVENTS_PATH,
            handler=answers_errors(self.handle),
            methods=("POST",),
            operations={"POST": OPERATION},
        )


def _batch(body: bytes) -> CallBatch:
    try:
        return read_batch(parse_json(body))
    except ValueError as error:
        raise InvalidRequestError(
            Reason.BODY_MALFORMED, "the body must be a batch of events", detail=str(error)
        ) from error
