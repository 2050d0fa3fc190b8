"""A stop concerns the requests that it names, also those in progress."""

from __future__ import annotations

from typing import Any

import pytest

from resource_service.errors import Refusal
from resource_service.principal import Principal
from resource_service.reasons import Reason
from resource_service.stops.matching import StoppableRequest
from resource_service.stops.stopped_list import StoppedList
from shared.stops import Stop, StopKind

pytestmark = pytest.mark.requirement("GW-5")

HERE = "https://a.example/mcp"


def call(name: object = "t", method: str = "tools/call") -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"name": name}}


def request(*messages: object, subject: str | None = "alice", resource: str = HERE) -> StoppableRequest:
    principal = Principal(client_id="c", scopes=(), issuer="i", expires_at=1, subject=subject)
    return StoppableRequest(resource, principal, messages)


def stop(kind: str, name: str, **more: str) -> Stop:
    return Stop(kind=StopKind(kind), name=name, **more)


@pytest.mark.parametrize(
    ("made", "concerned"),
    [
        (stop("person", "alice"), request(call())),
        (stop("person", "alice"), request()),
        (stop("client", "c"), request(call())),
        (stop("client", "c"), request(subject=None)),
        (stop("mount", HERE), request(call())),
        (stop("mount", "HTTPS://A.example/mcp/"), request()),
        (stop("tool", "t"), request(call())),
        (stop("tool", "t"), request(call("p"), call())),
        (stop("tool", "de*"), request(call("delete", "prompts/get"))),
        (stop("tool", "t", resource=HERE), request(call())),
    ],
)
def test_a_stop_concerns_what_it_names(made: Stop, concerned: StoppableRequest) -> None:
    assert concerned.stopped_by([made]) is made


@pytest.mark.parametrize(
    ("made", "other"),
    [
        (stop("person", "alice"), request(call(), subject="bob")),
        (stop("person", "c"), request(call(), subject=None)),
        (stop("client", "alice"), request(call())),
        (stop("client", "*"), request(call())),
        (stop("mount", "https://a.example/mcp2"), request(call())),
        (stop("mount", "not a URL"), request(call())),
        (stop("tool", "t"), request(call("T"))),
        (stop("tool", "t"), request(call("t", "tools/list"))),
        (stop("tool", "t"), request(call(7), "x", None, {"method": "tools/call"})),
        (stop("tool", "t", resource="https://b.example/mcp"), request(call())),
    ],
)
def test_a_stop_concerns_nothing_else(made: Stop, other: StoppableRequest) -> None:
    assert other.stopped_by([made]) is None


def of_software(*software: str) -> StoppableRequest:
    principal = Principal(client_id="c", scopes=(), issuer="i", expires_at=1, software=software)
    return StoppableRequest(HERE, principal, [call()])


def test_software_is_stopped_by_each_of_its_names_and_asked_for_while_a_stop_names_it() -> None:
    stopped = StoppedList()
    assert not stopped.names_software()
    stopped.update([stop("software", "An agent")])
    assert stopped.names_software()
    with pytest.raises(Refusal, match="stop: software An agent"):
        stopped.check(of_software("agent-7", "An agent"), is_call=True)
    stopped.check(of_software("An agent 2"), is_call=True)


def test_calls_in_progress_of_unknown_software_end_when_the_first_stop_names_software() -> None:
    stopped, ended = StoppedList(), list[str]()
    with (
        stopped.watching(request(call()), lambda: ended.append("unknown")),
        stopped.watching(of_software("other"), lambda: ended.append("other")),
    ):
        stopped.update([stop("software", "An agent")])
    assert ended == ["unknown"]


def test_the_refusal_names_the_reason_of_the_operator_and_the_rule() -> None:
    stopped = StoppedList()
    stopped.update([stop("tool", "t", reason="it deletes too much")])
    for is_call, status in ((True, 200), (False, 403)):
        with pytest.raises(Refusal) as raised:
            stopped.check(request(call()), is_call=is_call)
        refusal = raised.value
        assert (refusal.status, refusal.reason, refusal.rule) == (
            status,
            Reason.STOPPED_BY_OPERATOR,
            "stop: tool t",
        )
        assert refusal.description == (
            "The operator has stopped this tool: it deletes too much. Do not try again until it is resumed."
        )
    stopped.update([])
    stopped.check(request(call()), is_call=True)


def test_what_is_stopped_ends_once_and_nothing_else_does() -> None:
    stopped, ended = StoppedList(), list[str]()
    with (
        stopped.watching(request(call()), lambda: ended.append("t")),
        stopped.watching(request(call("other")), lambda: ended.append("other")),
    ):
        for stops in ([], [stop("tool", "t")], [stop("tool", "t")], [stop("tool", "t"), stop("client", "d")]):
            stopped.update(stops)
        assert ended == ["t"]
    stopped.update([stop("client", "c")])
    assert ended == ["t"]
