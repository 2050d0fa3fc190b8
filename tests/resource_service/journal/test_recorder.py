"""The events of calls: who called what, through which client, by which rule, with what result."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from starlette.types import Scope

from resource_service.connected_accounts.answers import ConnectLink
from resource_service.connected_accounts.errors import not_connected
from resource_service.errors import Refusal, cannot_ask, insufficient_scope
from resource_service.journal.call_journal import CallJournal, JournalLimits, no_journal
from resource_service.journal.call_members import calls_in, name_in
from resource_service.journal.recorder import MAX_CALLS, CallRecorder, Recording
from resource_service.journal.results import has_error
from resource_service.policy.approvals import ApprovalRule
from resource_service.policy.file import parse_policy
from resource_service.principal import Principal
from resource_service.reasons import Reason
from shared.journal.chain import read_entry

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("JR-1")]

POLICY = parse_policy(
    b"""
scopes: {read: Read}
default: read
tools: {"delete_*": read}
journal: {delete_issue: full}
"""
)
PRINCIPAL = Principal(
    client_id="c",
    scopes=("read",),
    issuer="i",
    expires_at=1,
    subject="s",
    username="alice",
    grant_id="g",
    act={"sub": "agent"},
)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TOKEN = "dw_at_AAAAAAAAAAAAAAAAAAAAAAAA"
CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "delete_issue", "arguments": {"issue": 7, "token": "t", "text": f"see {TOKEN}"}},
}


def scope(method: str = "POST", **headers: str) -> Scope:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": method, "headers": fields}


class Recorded:
    """A recorder, and the events that it has recorded."""

    def __init__(self, **limits: Any) -> None:
        self.journal = CallJournal("resource", lambda: 1_000.0, JournalLimits(**limits))
        self.recorder = CallRecorder(self.journal, "https://mcp.example/mcp", "/mcp", b"k" * 32)

    def of(self, request: Scope) -> Recording:
        return Recording(self.recorder, request)

    def events(self) -> list[dict[str, Any]]:
        buffer = self.journal.current.buffer
        buffer.store(buffer.seal())
        lines = (line for frame in buffer.frames for line in frame.lines.split(b"\n"))
        chain = {"sequence", "previous", "time_ms"}
        return [
            {name: value for name, value in read_entry(line).items() if name not in chain}
            for line in lines
            if read_entry(line)["sequence"] > 1
        ]


async def answered(recorded: Recorded, status: int, *bodies: bytes, is_over: bool = True) -> dict[str, Any]:
    """The event of the end of a call with this response."""
    recording = recorded.of(scope())
    recording.verified(PRINCIPAL, POLICY)
    recording.messages = [CALL]
    await recording.begin(100)
    recording.note_response({"type": "http.response.start", "status": status, "headers": []})
    for number, body in enumerate(bodies, 1):
        more = number < len(bodies) or not is_over
        recording.note_response({"type": "http.response.body", "body": body, "more_body": more})
    recording.end()
    recording.end()
    return recorded.events()[-1]


async def test_a_call_has_all_its_members_and_no_secret_or_name_of_a_person() -> None:
    recorded = Recorded()
    recording = recorded.of(
        scope(user_agent=f"agent/1 {TOKEN}", traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
    )
    recording.verified(PRINCIPAL, POLICY)
    recording.messages = [CALL]
    await recording.begin(321)
    [begun] = recorded.events()
    assert begun == {
        "kind": "call.begun",
        "call": 1,
        "subject": "s",
        "client": "c",
        "grant": "g",
        "actor": {"sub": "agent"},
        "scopes": ["read"],
        "software": "agent/1 dw_at_***",
        "trace": TRACE,
        "resource": "https://mcp.example/mcp",
        "mount": "/mcp",
        "method": "tools/call",
        "name": "delete_issue",
        "policy": POLICY.version,
        "rule": "tools: delete_*",
        "bytes_in": 321,
        "arguments": {"full": {"issue": 7, "token": "***", "text": "see dw_at_***"}},
    }
    assert "alice" not in json.dumps(begun)


@pytest.mark.requirement("GW-6")
async def test_a_call_that_runs_only_after_an_approval_says_by_whom() -> None:
    recorded = Recorded()
    asking = replace(POLICY, approve={"delete_*": ApprovalRule("group:ops")})
    for policy, approver in ((asking, "group:ops"), (asking, None), (POLICY, "group:ops")):
        recording = recorded.of(scope())

        def approver_of(*_: object, by: str | None = approver) -> str | None:
            return by

        recording.verified(PRINCIPAL, policy, approver_of)
        recording.messages = [CALL]
        await recording.begin(1)
    assert [event.get("approver") for event in recorded.events()] == ["group:ops", None, None]


@pytest.mark.parametrize(
    ("status", "bodies", "result"),
    [
        (200, [b'{"result": {"content": []}}'], "ok"),
        (200, [b'{"result": {"content": [], "isError": false}}'], "ok"),
        (200, [b'{"result": {"content": [{"text": "\\"error\\": {}"}]}}'], "ok"),
        (200, [b'{"result": {"structuredContent": {"error": "x"}}}'], "ok"),
        (200, [b'{"result": {"isError": true}}'], "error"),
        (200, [b'{"error": {"code": 1}}'], "error"),
        (200, [b'[{"result": {}}, {"error": {"code": 1}}]'], "error"),
        (200, [b"event: message\ndata: {}\n\n", b'data: {"error": {"code": 1}}\n\n'], "error"),
        (202, [b""], "ok"),
        (404, [b"{}"], "refused"),
        (502, [b"{}"], "failed"),
    ],
)
async def test_the_result_is_that_of_the_response(status: int, bodies: list[bytes], result: str) -> None:
    ended = await answered(Recorded(), status, *bodies)
    size = sum(map(len, bodies))
    assert (ended["kind"], ended["call"], ended["result"]) == ("call.completed", 1, result)
    assert (ended["status"], ended["bytes_out"]) == (status, size)


async def test_a_response_that_does_not_end_or_begin_was_cut_off() -> None:
    assert (await answered(Recorded(), 200, b"data: {}\n\n", is_over=False))["result"] == "cut off"
    recorded = Recorded()
    recording = recorded.of(scope())
    recording.verified(PRINCIPAL, POLICY)
    recording.messages = [CALL]
    await recording.begin(1)
    recording.end()
    assert recorded.events()[-1]["result"] == "cut off"


async def test_a_refusal_before_the_call_is_one_event_and_one_after_it_is_its_end() -> None:
    recorded = Recorded()
    recording = recorded.of(scope())
    recording.verified(PRINCIPAL, POLICY)
    recording.messages = [CALL, CALL]
    recording.refuse(insufficient_scope(["write"], detail=""))
    recording.end()
    first, second = recorded.events()
    assert first == second
    assert (first["kind"], first["reason_code"], first["status"]) == ("call.refused", "scope_missing", 403)
    assert (first["name"], first["subject"]) == ("delete_issue", "s")
    recording = recorded.of(scope())
    recording.verified(PRINCIPAL, POLICY)
    recording.messages = [CALL]
    await recording.begin(1)
    recording.refuse(cannot_ask(Reason.AUTHORIZATION_SERVER_FAILING, ""))
    recording.end()
    *_, begun, ended = recorded.events()
    assert (begun["kind"], ended["kind"]) == ("call.begun", "call.completed")
    assert (ended["result"], ended["reason_code"]) == ("failed", "authorization_server_failing")


async def test_a_call_that_is_answered_with_a_link_ends_as_a_refusal_without_the_link() -> None:
    recorded = Recorded()
    recording = recorded.of(scope())
    recording.verified(PRINCIPAL, POLICY)
    recording.messages = [CALL]
    await recording.begin(1)
    link = ConnectLink(provider="GitHub", url="https://a/connect/x", elicitation_id="x", expires_in=600)
    recording.refuse(not_connected(link, [CALL], server="Issues", opens_links=False))
    recording.end()
    ended = recorded.events()[-1]
    assert (ended["kind"], ended["result"], ended["status"]) == ("call.completed", "refused", 200)
    assert ended["reason_code"] == "not_connected"
    assert "/connect/" not in str(recorded.events())


async def test_refusals_of_strangers_are_only_counted() -> None:
    recorded = Recorded()
    for _ in range(3):
        recorded.of(scope()).refuse(cannot_ask(Reason.AUTHORIZATION_SERVER_FAILING, ""))
    assert recorded.events() == []
    assert recorded.journal.unverified_refusals == 3


async def test_a_body_that_cannot_be_read_is_an_event_of_a_known_caller_and_a_stream_is_not() -> None:
    recorded = Recorded()
    for method in ("POST", "GET"):
        recording = recorded.of(scope(method))
        recording.verified(PRINCIPAL, POLICY)
        recording.refuse(insufficient_scope(["write"], detail=""))
    [event] = recorded.events()
    assert (event["kind"], event["method"]) == ("call.refused", "")


def test_each_request_is_a_call_and_notifications_and_responses_are_not() -> None:
    messages = [
        {"method": "ping"},
        {"method": "tools/call", "params": []},
        {"method": "notifications/cancelled", "params": {}},
        {"id": 1, "result": {}},
        {"id": 1, "error": {}},
        {"method": 5},
        {"odd": 1},
        "text",
    ]
    assert [method for method, _ in calls_in(messages)] == ["ping", "tools/call", "", "", ""]


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"name": "a"}, "a"),
        ({"uri": "file:///a"}, "file:///a"),
        ({"ref": {"type": "ref/prompt", "name": "p"}}, "p"),
        ({"ref": {"uri": "file:///{x}"}}, "file:///{x}"),
        ({"name": 5, "ref": "x"}, None),
        ({}, None),
    ],
)
def test_a_call_names_its_tool_prompt_or_resource(params: dict[str, Any], name: str | None) -> None:
    assert name_in(params) == name


@pytest.mark.requirement("BOUND-1")
async def test_a_request_has_a_bounded_number_of_calls() -> None:
    recorded = Recorded()
    recording = recorded.of(scope())
    recording.verified(PRINCIPAL, POLICY)
    recording.messages = [CALL] * (MAX_CALLS + 1)
    with pytest.raises(Refusal) as refused:
        await recording.begin(1)
    assert refused.value.status == 400
    recording.refuse(refused.value)
    assert len(recorded.events()) == MAX_CALLS


async def test_without_a_journal_nothing_is_recorded() -> None:
    journal = no_journal(lambda: 1.0)
    recording = Recording(CallRecorder(journal, "r", "/", b""), scope())
    recording.verified(PRINCIPAL, POLICY)
    recording.messages = [CALL]
    await recording.begin(1)
    recording.end()
    assert journal.waiting == 0


def test_large_parts_of_a_response_are_not_examined() -> None:
    assert has_error(b'{"error": {}}')
    assert not has_error(b'{"error": {}}' + b" " * 70_000)
