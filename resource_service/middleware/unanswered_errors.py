"""The errors that a client gets instead of the answers that will not come (RS-13, RS-15)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from resource_service.errors import Refusal, cut_off, invalid_token
from resource_service.introspection.leases import Ending
from resource_service.messages.request_ids import RequestId
from resource_service.middleware.event_position import EventPosition, event_of
from resource_service.reasons import Reason

CONNECTION_CLOSED = -32000
INTERNAL_ERROR = -32603

Why = tuple[Reason, str]
"""A reason, and its sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnansweredErrors:
    """Builds the errors for one HTTP request.

    Attributes:
        request_id: the id of the HTTP request in the log.
        request_ids: the ids of the JSON-RPC requests that must be answered.
        refuse: builds the response to a refusal.
        repeatable: whether the client may send the request again without harm.
    """

    request_id: str
    request_ids: Sequence[RequestId]
    refuse: Callable[[Refusal, Scope], Response]
    repeatable: bool

    def last_events(self, events: EventPosition, code: int, why: Why) -> bytes:
        """Return the rest of an event stream: an error for each unanswered request."""
        errors = [event_of(self._error(request_id, code, why)) for request_id in events.unanswered]
        return events.closing() + b"".join(errors)

    def instead(self, scope: Scope, ending: Ending) -> Response:
        """Build a response if none has begun. After 401 clients repeat the request, so a call that may have
        been executed gets an error instead.
        """
        if self.request_ids and not self.repeatable:
            errors = [
                self._error(request_id, CONNECTION_CLOSED, (ending.reason, ending.value))
                for request_id in self.request_ids
            ]
            return JSONResponse(errors[0] if len(errors) == 1 else errors)
        if ending in (Ending.EXPIRED, Ending.REVOKED):
            return self.refuse(invalid_token(ending.reason, ending.value), scope)
        return self.refuse(cut_off(ending.reason, ending.value), scope)

    def _error(self, request_id: RequestId, code: int, why: Why) -> dict[str, object]:
        reason, text = why
        data = {"request_id": self.request_id, "reason_code": reason.code}
        error = {"code": code, "message": text, "data": data}
        return {"jsonrpc": "2.0", "id": request_id, "error": error}
