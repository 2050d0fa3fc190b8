"""Each event has a form in OCSF and OTLP, with the members that their schemas require (JR-6)."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from shared.journal.event import EventKind
from shared.journal.ocsf import ocsf_event
from shared.journal.otlp import otlp_logs

pytestmark = pytest.mark.requirement("JR-6")

# Per class: the required members, and those of which one is required (OCSF 1.3.0).
BASE = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}
REQUIRED: dict[int, tuple[set[str], set[str]]] = {
    3001: ({"user"}, {"user"}),
    3002: ({"user"}, {"service", "dst_endpoint"}),
    3003: ({"user"}, {"privileges", "groups"}),
    6003: ({"actor", "api", "src_endpoint"}, {"actor"}),
}


def event(kind: str, **members: object) -> dict[str, Any]:
    return {"chain": "c", "sequence": 7, "time_ms": 1_700_000_000_123, "kind": kind, **members}


WHO = {"subject": "s1", "session": "e1", "network": "192.0.2.7/32"}
ABOUT = {"user_subject": "s2"}
CLASSES = [
    (event("login", **WHO, methods=["pwd", "otp", "mfa"]), 300201),
    (event("account", **WHO, action="logged out"), 300202),
    (event("account", **WHO, action="password changed"), 300103),
    (event("account", **WHO, action="account deleted"), 300106),
    (event("account", **WHO, action="second factor added"), 300110),
    (event("account", **WHO, action="browsers forgotten"), 300199),
    (event("administration", subject="s1", via="api", action="user disabled", about=ABOUT), 300105),
    (event("administration", subject="s1", action="client removed", about={"client_id": "c1"}), 600399),
    (event("grant.opened", **WHO, client="c1", scopes=["a"]), 300301),
    (event("grant.opened", **WHO, client="c1", scopes=[]), 600399),
    (event("client.registered", client="c1", network="2001:db8::/64"), 600301),
    (event("grant.narrowed", client="c1", grant="g1", scopes=["a"], removed=["b"]), 600303),
    (event("grant.revoked", client="c1", grant="g1"), 600304),
    (event("call.begun", subject="s1", client="c1", name="delete_issue", resource="https://m"), 600399),
    (event("journal.read", via="command"), 600302),
    (event("definitions.pinned", resource="https://m", mount="/mcp"), 600301),
    (event("definition.held", resource="https://m", name="delete_issue"), 600399),
    (event("definition.approved", resource="https://m", name="delete_issue"), 600303),
]


@pytest.mark.parametrize(("entry", "type_uid"), CLASSES, ids=lambda value: str(value)[-20:])
def test_an_event_is_of_the_class_and_activity_that_fit(entry: dict[str, Any], type_uid: int) -> None:
    assert ocsf_event(entry)["type_uid"] == type_uid


def test_each_kind_has_what_its_class_requires() -> None:
    for kind, members in product(EventKind, [{}, *(entry for entry, _ in CLASSES)]):
        mapped = ocsf_event({**event(kind.value), **members, "kind": kind.value})
        required, one_of = REQUIRED[mapped["class_uid"]]
        assert mapped.keys() >= BASE | required
        assert mapped.keys() & one_of
        assert all(mapped[name] for name in required)
        assert mapped["type_uid"] == mapped["class_uid"] * 100 + mapped["activity_id"]
        assert mapped["metadata"].keys() >= {"version", "product"}


def test_the_outcome_of_a_call_that_never_completed_is_unknown() -> None:
    assert ocsf_event(event("call.unknown"))["status_id"] == 0
    assert ocsf_event(event("call.completed", result="ok"))["status_id"] == 1
    assert ocsf_event(event("call.completed", result="failed"))["status_id"] == 2
    assert ocsf_event(event("consent", allowed=False))["status_id"] == 2
    assert ocsf_event(event("definition.held"))["status_id"] == 2


def test_nothing_is_lost_and_entries_with_unexpected_members_are_mapped() -> None:
    odd = {"scopes": 3, "methods": {"a": 1}, "network": [], "subject": 5, "about": "x", "trace": "z"}
    for kind in EventKind:
        entry = event(kind.value, **odd)
        assert ocsf_event(entry)["unmapped"] == entry
        assert "traceId" not in _record(otlp_logs(entry))


def test_a_log_record_has_the_time_in_nanoseconds_the_trace_and_typed_attributes() -> None:
    entry = event("call.completed", trace="ab" * 16, scopes=["a"], bytes_out=12, allowed=True, about={"a": 1})
    record = _record(otlp_logs(entry))
    attributes = {each["key"]: each["value"] for each in record["attributes"]}
    assert (record["timeUnixNano"], record["traceId"]) == ("1700000000123000000", "ab" * 16)
    assert (record["severityNumber"], record["eventName"]) == (9, "call.completed")
    assert attributes["bytes_out"] == {"intValue": "12"}
    assert attributes["allowed"] == {"boolValue": True}
    assert attributes["scopes"] == {"arrayValue": {"values": [{"stringValue": "a"}]}}
    assert attributes["about"] == {"stringValue": '{"a": 1}'}
    assert attributes["log.record.uid"] == {"stringValue": "c:7"}


def _record(logs: dict[str, Any]) -> dict[str, Any]:
    (record,) = logs["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    return record  # type: ignore[no-any-return]
