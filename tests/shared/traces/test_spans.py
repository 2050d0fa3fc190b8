"""Spans of requests: bounded, over when their request is, and a part of the trace that was stored."""

from __future__ import annotations

from typing import Any

import pytest

from resource_service.gateway.traced import with_meta
from shared.traces.calls import client_span
from shared.traces.current import MAX_SPANS, Trace, current_span, join_stored, outgoing, to_store
from shared.traces.requests import RequestTraces, parents_everywhere
from shared.traces.sampling import Sampler
from tests.source_files import ROOT

pytestmark = pytest.mark.requirement("JR-7")

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Kept(list[Trace]):
    """A sink that keeps what it is sent."""

    def send(self, trace: Trace) -> None:
        self.append(trace)

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def traces(kept: Kept) -> RequestTraces:
    return RequestTraces(kept, Sampler(1.0, 1_000.0), parents_everywhere)


def scope_of(**headers: str) -> dict[str, Any]:
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"method": "GET", "headers": fields, "state": {}}


def test_a_request_has_a_bounded_number_of_spans(traces: RequestTraces, kept: Kept) -> None:
    scope = scope_of()
    token = traces.begin(scope, "/token", 1.0)
    for _ in range(MAX_SPANS + 10):
        with client_span("store get"):
            pass
    traces.end(scope, 200, "", 0.1)
    traces.leave(token)
    [trace] = kept
    assert len(trace.spans) == MAX_SPANS


def test_a_request_that_has_ended_gets_no_more_spans(traces: RequestTraces) -> None:
    scope = scope_of()
    token = traces.begin(scope, "/token", 1.0)
    traces.end(scope, 200, "", 0.1)
    assert (to_store(), outgoing(current_span.get())) == (None, None)
    traces.leave(token)


def test_a_later_request_joins_the_trace_that_was_stored(traces: RequestTraces, kept: Kept) -> None:
    first = scope_of()
    token = traces.begin(first, "/authorize", 1.0)
    stored = to_store()
    traces.end(first, 303, "", 0.1)
    traces.leave(token)
    second = scope_of()
    token = traces.begin(second, "/login", 2.0)
    join_stored(stored)
    traces.end(second, 200, "", 0.1)
    traces.leave(token)
    assert kept[0].trace_id == kept[1].trace_id
    assert kept[1].remote is not None
    assert kept[1].remote.span_id == kept[0].span_id


def test_a_header_that_is_repeated_names_no_parent(traces: RequestTraces, kept: Kept) -> None:
    scope = scope_of(traceparent=TRACEPARENT)
    scope["headers"] *= 2
    traces.leave(traces.begin(scope, "/token", 1.0))
    traces.end(scope, 200, "", 0.1)
    assert kept[0].remote is None


def test_a_method_that_a_stranger_invents_is_not_in_the_span(traces: RequestTraces, kept: Kept) -> None:
    scope = scope_of() | {"method": "SECRET"}
    traces.leave(traces.begin(scope, "/token", 1.0))
    traces.end(scope, 405, "", 0.1)
    assert kept[0].name == "_OTHER /token"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"method": "ping"}, {"method": "ping", "params": {"_meta": {"traceparent": "x"}}}),
        (
            {
                "method": "x",
                "params": {"name": "a", "_meta": {"progressToken": 1, "traceparent": "y"}},
            },
            {
                "method": "x",
                "params": {"name": "a", "_meta": {"progressToken": 1, "traceparent": "x"}},
            },
        ),
        ({"id": 1, "result": {}}, {"id": 1, "result": {}}),
        ({"method": "ping", "params": [1]}, {"method": "ping", "params": [1]}),
        ({"method": "ping", "params": {"_meta": 1}}, {"method": "ping", "params": {"_meta": 1}}),
        ([{"id": 1, "result": {}}, 5], [{"id": 1, "result": {}}, 5]),
    ],
)
def test_messages_name_their_span_in_meta(message: object, expected: object) -> None:
    assert with_meta(message, "x") == expected


def test_opentelemetry_is_imported_in_one_function_only() -> None:
    users = [
        path.relative_to(ROOT)
        for package in ("shared", "auth_service", "resource_service")
        for path in (ROOT / package).rglob("*.py")
        if "shared.traces.export" in path.read_text()
    ]
    [user] = users
    [line] = [line for line in (ROOT / user).read_text().splitlines() if "shared.traces.export" in line]
    assert line.startswith("    from "), "at the top of a module, it would be imported while traces are off"
