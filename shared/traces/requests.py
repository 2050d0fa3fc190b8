"""Begins and ends the span of each request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextvars import Token
from time import time_ns
from typing import Any, Protocol

from starlette.types import Scope

from shared.asgi.direct_routes import HEAD_FACTS
from shared.asgi.request_id import NOTED_REQUEST_ID
from shared.traces.current import Span, Trace, current_span
from shared.traces.sampling import Sampler
from shared.traces.traceparent import HEADER, HEADER_NAME, Parent, parse_traceparent

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NOTED_TRACE = "doorward.trace"
"""Member of the state of a scope."""


class SpanSink(Protocol):
    """Sends the spans of recorded requests; `Exporter` is one."""

    def send(self, trace: Trace) -> None:
        """Send the spans soon. Never waits; drops them if too many wait already."""

    def close(self) -> None:
        """Send what is left; waits for it."""


class RequestTraces:
    """`Tracing` for the requests of a service.

    Args:
        accepts_parent: whether the caller at an endpoint may name the span that its request is a part of.
    """

    def __init__(self, sink: SpanSink, sampler: Sampler, accepts_parent: Callable[[str], bool]) -> None:
        self._sink = sink
        self._accepts_parent = accepts_parent
        self.sampler = sampler

    def begin(self, scope: Scope, endpoint: str, now: float) -> Token[Span | None]:
        """Begin the span of a request, and make it that of the context.

        Args:
            now: by a steady clock, in seconds.
        """
        parent = parent_in(scope) if self._accepts_parent(endpoint) else None
        sampled = self.sampler.begins(now) if parent is None else self.sampler.joins(parent, now)
        scope["state"][NOTED_TRACE] = trace = Trace(endpoint, parent, sampled=sampled)
        return current_span.set(trace)

    def leave(self, token: Token[Span | None]) -> None:
        """Take the span out of the context."""
        current_span.reset(token)

    def end(self, scope: Scope, status: int, reason: str, seconds: float) -> None:
        """End the span of the request of `scope`, and send it if it is recorded."""
        state: dict[str, Any] = scope["state"]
        trace: Trace = state[NOTED_TRACE]
        if trace.sampled and not trace.is_over:
            trace.ended_ns, trace.failed = time_ns(), status >= 500
            trace.started_ns = trace.ended_ns - int(seconds * 1e9)
            trace.attributes.update(_attributes(scope, trace.name, status, reason))
            trace.name = f"{trace.attributes['http.request.method']} {trace.name}"
            self._sink.send(trace)
        trace.is_over = True

    async def close(self) -> None:
        """Send what is left."""
        await asyncio.to_thread(self._sink.close)


def parent_in(scope: Scope) -> Parent | None:
    """Return the parent that the header of a request names, if any."""
    facts = scope.get(HEAD_FACTS)
    if facts is None:
        return _parent_in(scope)
    if HEADER not in facts:
        facts[HEADER] = _parent_in(scope)
    parent: Parent | None = facts[HEADER]
    return parent


def _parent_in(scope: Scope) -> Parent | None:
    values = [value for name, value in scope["headers"] if name == HEADER_NAME]
    return parse_traceparent(values[0].decode("latin-1")) if len(values) == 1 else None


def _attributes(scope: Scope, endpoint: str, status: int, reason: str) -> dict[str, Any]:
    method = scope["method"]
    attributes = {
        "http.request.method": method if method in METHODS else "_OTHER",
        "http.route": endpoint,
        "http.response.status_code": status,
    }
    if reason:
        attributes["doorward.reason_code"] = reason
    if request_id := scope["state"].get(NOTED_REQUEST_ID):
        attributes["doorward.request_id"] = request_id.decode()
    return attributes


def parents_at(endpoints: Collection[str]) -> Callable[[str], bool]:
    """Return a `accepts_parent` for those endpoints."""
    return frozenset(endpoints).__contains__


def parents_everywhere(_endpoint: str) -> bool:
    """Accept the parent at every endpoint."""
    return True
