"""The span that the current code runs in."""

from __future__ import annotations

import random
from contextvars import ContextVar
from functools import cached_property
from typing import Any, Literal

from shared.traces.traceparent import Parent, format_traceparent, parse_traceparent

MAX_SPANS = 64
"""Spans of one request; further ones are dropped."""

SpanKind = Literal["server", "client"]


def new_span_id() -> str:
    """Return the id of a new span; not a secret."""
    return f"{random.getrandbits(64) or 1:016x}"


class Span:
    """A call that is made for a request. Times are nanoseconds since 1970.

    Attributes:
        trace: the request.
        parent: the span that made the call.
        attributes: for the collector; they contain nothing that a stranger chose.
    """

    # Defaults of the class, because most spans are never recorded, and set none of them.
    kind: SpanKind = "client"
    parent: Span | None = None
    started_ns = 0
    ended_ns = 0
    failed = False
    _span_id = ""

    def __init__(self, name: str, trace: Trace | None = None) -> None:
        self.name = name
        self._trace = trace

    @property
    def trace(self) -> Trace:
        """The request."""
        if self._trace is None:
            raise TypeError("a span belongs to a request")
        return self._trace

    @property
    def span_id(self) -> str:
        """The id, drawn when it is first needed."""
        self._span_id = self._span_id or new_span_id()
        return self._span_id

    @cached_property
    def attributes(self) -> dict[str, Any]:
        """For the collector."""
        return {}


class Trace(Span):
    """A request: its span, and all that it contributes to a trace.

    Attributes:
        sampled: whether it is recorded.
        remote: the span of another request that this one is a part of, if any.
        is_over: whether the request has ended; then nothing can be added.
    """

    kind: SpanKind = "server"
    is_over = False
    _trace_id = ""

    def __init__(self, name: str, remote: Parent | None, *, sampled: bool) -> None:
        self.name = name
        self.remote = remote
        self.sampled = sampled

    @property
    def trace(self) -> Trace:
        """The request itself."""
        return self

    @cached_property
    def spans(self) -> list[Span]:
        """The calls that have ended."""
        return []

    @property
    def trace_id(self) -> str:
        """The id, drawn when it is first needed."""
        if self.remote is not None:
            return self.remote.trace_id
        self._trace_id = self._trace_id or f"{random.getrandbits(128) or 1:032x}"
        return self._trace_id

    def join(self, remote: Parent, *, sampled: bool) -> None:
        """Make the request a part of another trace, from its beginning."""
        self.remote, self.sampled = remote, sampled

    def add(self, span: Span) -> None:
        """Add a span that has ended."""
        if not self.is_over and len(self.spans) < MAX_SPANS:
            self.spans.append(span)


current_span: ContextVar[Span | None] = ContextVar("current_span", default=None)
"""None outside of requests, and while traces are off."""


def current_trace_id() -> str:
    """Return the id of the current trace, for logs and the journal; empty without one."""
    span = current_span.get()
    return "" if span is None else span.trace.trace_id


def recorded_span() -> Span | None:
    """Return the current span if its request is recorded, and has not ended."""
    span = current_span.get()
    return None if span is None or not span.trace.sampled or span.trace.is_over else span


def outgoing(span: Span | None) -> str | None:
    """Return the `traceparent` of a request that is made in `span`; None without one."""
    if span is None or span.trace.is_over:
        return None
    return format_traceparent(span.trace.trace_id, span.span_id, sampled=span.trace.sampled)


def to_store() -> str | None:
    """Return what later requests of the same flow join; None if the current one is not recorded."""
    span = recorded_span()
    return None if span is None else outgoing(span.trace)


def join_stored(stored: str | None) -> None:
    """Let the current request be a part of the trace that `to_store` returned in an earlier one."""
    span = current_span.get()
    parent = parse_traceparent(stored) if stored and span is not None else None
    if span is None or parent is None or span.trace.is_over or parent.span_id == span.trace.span_id:
        return
    span.trace.join(parent, sampled=parent.sampled)
