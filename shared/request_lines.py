"""One line in the log for each request."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus

from starlette.types import Scope

from shared.asgi.noted_caller import NOTED_CALLER, Requester
from shared.asgi.request_id import NOTED_REQUEST_ID
from shared.logs import get_logger, lines_written_directly
from shared.traces.current import Trace
from shared.traces.requests import METHODS, NOTED_TRACE

FREQUENT = frozenset({"/health", "/ready", "/live", "/revocations"})
"""Endpoints that are asked every few seconds; the lines of their successful requests are at level debug."""

_log = get_logger(__name__)
_NOBODY = Requester()


class RequestLines:
    """Writes a line for each request that has ended; its `write` is a `RequestDone`.

    A line has the route, not the path: paths and queries may contain codes and tokens.

    Args:
        address_of: returns where a request comes from.
    """

    def __init__(self, address_of: Callable[[Scope], str | None]) -> None:
        self._address_of = address_of
        self._lines = lines_written_directly()

    def write(self, endpoint: str, status: int, reason: str, seconds: float, *, scope: Scope) -> None:
        """Write the line of one request."""
        state = scope["state"]
        caller: Requester = state.get(NOTED_CALLER, _NOBODY)
        request_id: bytes = state.get(NOTED_REQUEST_ID, b"")
        trace: Trace | None = state.get(NOTED_TRACE)
        trace_id = "" if trace is None else trace.trace_id
        outcome = (scope["method"], endpoint, status, reason)
        address = self._address_of(scope)
        expected = endpoint in FREQUENT and status == HTTPStatus.OK
        if self._lines is None or expected:
            varying = {"request_id": request_id.decode(), "trace_id": trace_id}
            level = _log.debug if expected else _log.info
            present = {name: value for name, value in varying.items() if value}
            level(
                "request",
                **_members(outcome, address, caller),
                duration_ms=round(seconds * 1000, 2),
                **present,
            )
            return
        ids = f', "trace_id": "{trace_id}"' if trace_id else ""
        if request_id:
            ids = f'{ids}, "request_id": "{request_id.decode()}"'
        self._lines.write_soon(
            f'{_beginning(outcome, address, caller)}, "duration_ms": {seconds * 1000:.2f}{ids}'
        )


Outcome = tuple[str, str, int, str]
"""Method, endpoint, status, and reason code or an empty string."""


def _members(outcome: Outcome, address: str | None, caller: Requester) -> dict[str, object]:
    method, endpoint, status, reason = outcome
    who = {name: value for name, value in zip(Requester._fields, caller, strict=True) if value is not None}
    return {
        "method": method if method in METHODS else "other",
        "endpoint": endpoint,
        "status": status,
        "address": address,
        **({"reason_code": reason} if reason else {}),
        **who,
    }


@lru_cache(maxsize=1_024)
def _beginning(outcome: Outcome, address: str | None, caller: Requester) -> str:
    """Return the part of a line that most requests of a caller share: to write it takes half of the time."""
    members = _members(outcome, address, caller)
    return json.dumps({"event": "request", "level": "info", "logger": __name__, **members})[:-1]
