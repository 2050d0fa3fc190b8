"""Approvals of calls are for one mount, and nothing runs for a client that has disconnected (GW-6)."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from resource_service.call_approvals.answers import Approval, Status
from resource_service.call_approvals.client import ApprovalQuestion
from resource_service.errors import Refusal
from resource_service.gateway.concurrency_limit import ConcurrencyLimit
from resource_service.middleware.approval_gate import ApprovalGate
from resource_service.policy.file import parse_policy
from resource_service.policy.watcher import PolicyWatcher
from resource_service.principal import Principal, remember
from resource_service.reasons import Reason

pytestmark = [pytest.mark.requirement("GW-6"), pytest.mark.anyio]

POLICY = parse_policy(b"scopes: {use: Use}\ndefault: []\napprove: {delete: self}\n")
ADA = Principal(client_id="c", scopes=("use",), issuer="i", expires_at=2**40, subject="ada")
CALL: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "delete", "arguments": {}},
}


DISCONNECT: Message = {"type": "http.disconnect"}
ANSWER = {
    "requestState": "doorward_approve:state",
    "inputResponses": {"doorward_approve": {"action": "accept"}},
}
ACCEPTED = CALL | {"params": CALL["params"] | ANSWER}


@dataclass
class Calls:
    """A gate, what it asks the authorization server, and the calls that reach the MCP server."""

    statuses: list[Status] = field(default_factory=lambda: [Status.USED])
    questions: list[ApprovalQuestion] = field(default_factory=list)
    ran: list[bytes] = field(default_factory=list)
    gate: ApprovalGate = field(init=False)

    def __post_init__(self) -> None:
        self.gate = ApprovalGate(
            ask=self.answer,
            mount="/staging",
            policy=PolicyWatcher(POLICY),
            clock=time.time,
            waiting=ConcurrencyLimit(4, limit="a limit"),
            max_body_bytes=10_000,
        )

    async def answer(self, question: ApprovalQuestion) -> Approval:
        self.questions.append(question)
        return Approval(status=self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])

    async def server(self, _scope: Scope, receive: Receive, _send: Send) -> None:
        self.ran.append((await receive())["body"])


def request() -> Scope:
    scope: Scope = {"type": "http", "method": "POST", "headers": [(b"authorization", b"Bearer token")]}
    remember(scope, ADA)
    return scope


def receiving(*later: Message, message: object = CALL) -> Receive:
    """Return a `receive` of a message, and of what follows: if it is nothing, the client stays."""
    messages = [{"type": "http.request", "body": json.dumps(message).encode(), "more_body": False}, *later]

    async def receive() -> Message:
        if not messages:
            await anyio.sleep_forever()
        return messages.pop(0) if messages[0] is not DISCONNECT else DISCONNECT

    return receive


async def nothing_sent(_message: Message) -> None:
    raise AssertionError("nothing is answered here")


@pytest.mark.parametrize("session", ["", "session"])
async def test_an_approval_is_for_one_mount(session: str) -> None:
    calls = Calls()
    for gate in (calls.gate, replace(calls.gate, mount="/prod")):
        await gate.protect(calls.server, POLICY, session)(request(), receiving(), nothing_sent)
    staging, prod = calls.questions
    assert (staging.mount, prod.mount) == ("/staging", "/prod")
    assert staging.session != prod.session
    assert staging == replace(prod, mount=staging.mount, session=staging.session)


@pytest.mark.parametrize("changes_first", [True, False])
async def test_a_call_does_not_run_under_a_policy_that_has_changed(*, changes_first: bool) -> None:
    calls = Calls()
    watcher = calls.gate.policy
    other = parse_policy(b"scopes: {use: Use}\ndefault: []\napprove: {delete: group:ops}\n")

    async def changing(question: ApprovalQuestion) -> Approval:
        watcher.current = other
        return await calls.answer(question)

    gate = replace(calls.gate, ask=changing)
    if changes_first:
        watcher.current = other
    with pytest.raises(Refusal) as refused:
        await gate.protect(calls.server, POLICY, "")(request(), receiving(), nothing_sent)
    assert refused.value.reason is Reason.POLICY_CHANGED
    assert len(calls.questions) == (not changes_first)
    assert calls.ran == []


async def test_an_approval_is_not_used_for_a_client_that_has_disconnected() -> None:
    calls = Calls()
    with pytest.raises(ClientDisconnect):
        await calls.gate.protect(calls.server, POLICY, "")(request(), receiving(DISCONNECT), nothing_sent)
    assert calls.questions == []
    await calls.gate.protect(calls.server, POLICY, "")(request(), receiving(), nothing_sent)
    assert len(calls.ran) == 1


async def test_a_client_that_has_disconnected_does_not_wait_for_the_approver() -> None:
    calls = Calls([Status.PENDING])
    app = calls.gate.awaiting(calls.server, POLICY, [ACCEPTED], "")
    with anyio.fail_after(10), pytest.raises(ClientDisconnect):
        await app(request(), receiving(DISCONNECT, message=ACCEPTED), nothing_sent)
    assert not any(question.use for question in calls.questions)
    assert calls.ran == []


async def test_a_client_that_stays_gets_the_whole_message_to_the_server() -> None:
    calls = Calls([Status.APPROVED])
    app = calls.gate.awaiting(calls.server, POLICY, [ACCEPTED], "")
    await app(request(), receiving(message=ACCEPTED), nothing_sent)
    assert [json.loads(body) for body in calls.ran] == [ACCEPTED]


@pytest.mark.parametrize("is_read_only", [True, False])
async def test_an_annotated_tool_needs_no_approval_where_the_policy_says_so(*, is_read_only: bool) -> None:
    rule = b"approve: {delete: {by: self, unless: {annotations: {readOnlyHint: true}}}}\n"
    policy = parse_policy(b"scopes: {use: Use}\ndefault: []\n" + rule)
    calls = Calls()
    hints = {"delete": {"readOnlyHint": is_read_only}}
    gate = replace(calls.gate, policy=PolicyWatcher(policy), hints_of=hints.get)
    await gate.protect(calls.server, policy, "")(request(), receiving(), nothing_sent)
    assert bool(calls.questions) is not is_read_only
    assert len(calls.ran) == 1
