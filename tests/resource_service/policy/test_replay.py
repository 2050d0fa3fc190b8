"""Recorded calls, decided again: as the service decided, and never guessed (GW-7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from resource_service.errors import Refusal
from resource_service.journal.call_members import about_call, about_principal
from resource_service.policy.approvals import approver_of
from resource_service.policy.conditions import CallContext
from resource_service.policy.decision import check_conditions, check_has, check_login
from resource_service.policy.file import parse_policy
from resource_service.policy.replay import UNDECIDED, RecordedCall, decided_again, recorded_call
from resource_service.policy.rules import Policy
from resource_service.principal import Principal

pytestmark = pytest.mark.requirement("GW-7", "JR-1")

TIME = 1_700_000_000  # a Tuesday, 22:13 UTC
SCOPES = """\
scopes: {read: Read, write: {description: Write, includes: read}}
default: write
tools: {get_*: read, pay: write, drop: {scopes: write, groups: [ops]}}
prompts: {"*": read}
resources: {"notes://*": read}
step_up: {wipe: {acr: mfa, max_age: 300}}
journal: {pay: full, "hashed*": hash}
"""
WHEN = f"""{SCOPES}when:
  pay: [{{arguments: {{/amount: {{max: 100}}, /to: {{match: "bank *"}}}}}}, {{groups: [ops]}}]
  "get_*": {{days: [mon]}}
  hashed: {{arguments: {{/a: b}}}}
  noted: {{annotations: {{readOnlyHint: true}}}}
"""
APPROVE = f"""{WHEN}approve:
  pay: {{by: self, unless: [{{arguments: {{/amount: {{max: 5}}}}}}, {{groups: [ops]}}]}}
  "w*": group:ops
  hashed2: {{by: self, unless: {{arguments: {{/a: b}}}}}}
  new: {{by: self, unless: {{annotations: {{readOnlyHint: true}}}}}}
"""
ASKING = parse_policy(APPROVE.encode())
OLD, NEW = parse_policy(SCOPES.encode()), parse_policy(WHEN.encode())
ADA = Principal(
    client_id="c", scopes=("write",), issuer="i", expires_at=0, subject="ada", acr="mfa", auth_time=TIME - 60
)
OPS = replace(ADA, groups=("ops", "okta:a b"))
READER = replace(ADA, scopes=("read",))


def decided_now(policy: Policy, principal: Principal, method: str, params: dict[str, Any]) -> str:
    """The decision of the service, at `TIME`."""
    messages = [{"method": method, "params": params}]
    try:
        check_has(policy, policy.needed(messages), principal)
        check_conditions(policy, messages, principal, lambda: TIME)
        check_login(policy, messages, principal, lambda: TIME)
    except Refusal as refusal:
        return refusal.reason.code
    caller = CallContext(policy.closure(principal.scopes), frozenset(principal.groups), TIME)
    approver = approver_of(policy.approve, messages[0], caller)
    return "allowed" if approver is None else f"approve: {approver}"


def event_of(
    principal: Principal, method: str, params: dict[str, Any], decided: str = "allowed"
) -> dict[str, Any]:
    """The event that the journal has of a call under `OLD`."""
    kind = (
        {"kind": "call.begun"} if decided == "allowed" else {"kind": "call.refused", "reason_code": decided}
    )
    about = {**about_principal(principal), **about_call((method, params), OLD, b"k" * 32)}
    return {**kind, "time_ms": TIME * 1000, **about}


def recorded(
    principal: Principal, method: str, params: dict[str, Any], decided: str = "allowed"
) -> RecordedCall:
    call = recorded_call(event_of(principal, method, params, decided))
    assert call is not None
    return call


def tool(name: str, **arguments: object) -> tuple[str, dict[str, Any]]:
    return "tools/call", {"name": name, "arguments": arguments}


CALLS = [
    tool("get_note"), tool("pay", amount=5, to="bank a"), tool("pay", amount=500, to="bank a"), tool("pay"),
    tool("drop"), tool("wipe"), tool("new"), ("tools/list", {}), ("prompts/get", {"name": "p"}),
    ("resources/read", {"uri": "notes://1"}), ("resources/read", {"uri": "other://1"}),
    ("resources/subscribe", {"uri": "notes:/1"}),
    ("completion/complete", {"ref": {"type": "ref/prompt", "name": "p"}}),
    ("completion/complete", {"ref": {"type": "ref/resource", "uri": "other://{x}"}}),
]  # fmt: skip


@pytest.mark.parametrize("policy", [OLD, NEW, ASKING], ids=["old", "new", "asking"])
@pytest.mark.parametrize("principal", [ADA, OPS, READER, replace(ADA, acr=None, auth_time=None)])
@pytest.mark.parametrize(("method", "params"), CALLS)
def test_a_recorded_call_is_decided_as_the_service_decides_it(
    policy: Policy, principal: Principal, method: str, params: dict[str, Any]
) -> None:
    decided, now = (
        decided_again(policy, recorded(principal, method, params)),
        decided_now(policy, principal, method, params),
    )
    # The journal keeps no annotations, which might make the approval unnecessary.
    is_decided = params.get("name") != "new" or not now.startswith("approve")
    assert decided == (now if is_decided else UNDECIDED)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("pay", {"amount": 99.5, "to": "bank a"}),  # the journal keeps fractions as text
        ("pay", {"amount": 2**60, "to": "bank a"}),
        ("pay", {"amount": 5, "to": f"bank {'x' * 600}"}),
        ("pay", {"amount": 5, "to": "bank Bearer dw_at_abcdefghijklmnop"}),
        ("pay", {"amount": 5, "to": "bank a", **{f"a{number}": "b" * 500 for number in range(9)}}),
        ("pay", {**{f"a{number}": 1 for number in range(130)}, "amount": 500}),
        ("hashed", {"a": "b"}),
        ("noted", {}),
    ],
)
def test_nothing_is_guessed_about_arguments_that_the_journal_does_not_have(
    name: str, arguments: dict[str, Any]
) -> None:
    assert decided_again(NEW, recorded(ADA, *tool(name, **arguments))) == UNDECIDED
    assert decided_again(OLD, recorded(ADA, *tool(name, **arguments))) == "allowed", "nothing looks at them"
    assert decided_again(NEW, recorded(READER, *tool(name, **arguments))) == "scope_missing"


@pytest.mark.requirement("GW-6")
def test_a_call_that_waited_for_an_approval_is_compared_as_such() -> None:
    call = recorded_call({**event_of(ADA, *tool("wipe")), "approver": "group:ops"})
    assert call is not None
    assert call.case.expected == decided_again(ASKING, call) == "approve: group:ops"
    assert decided_again(NEW, call) == "allowed"
    refused = recorded_call({**event_of(ADA, *tool("wipe"), "scope_missing"), "approver": "self"})
    assert refused is not None
    assert refused.case.expected == "scope_missing"


@pytest.mark.requirement("GW-6")
def test_nothing_is_guessed_about_arguments_that_make_an_approval_unnecessary() -> None:
    assert decided_again(ASKING, recorded(ADA, *tool("hashed2", a="b"))) == UNDECIDED
    assert decided_again(ASKING, recorded(READER, *tool("hashed2", a="b"))) == "scope_missing"
    assert decided_again(ASKING, recorded(ADA, *tool("pay", amount=5, to="bank a"))) == "allowed"


@pytest.mark.parametrize(
    "changed",
    [
        {"scopes": None},
        {"kind": "call.completed"},
        {"kind": "login"},
        {"kind": "call.refused", "reason_code": "limit_exceeded"},
        {"kind": "call.refused", "reason_code": None},
        {"method": None},
    ],
)
def test_events_without_a_decision_of_a_policy_are_none(changed: dict[str, object]) -> None:
    assert recorded_call({**event_of(ADA, *tool("get_note")), **changed}) is None


def test_too_many_scopes_are_not_recorded_in_part() -> None:
    many = replace(ADA, scopes=tuple(f"{number:0100}" for number in range(11)))
    assert recorded_call(event_of(many, *tool("get_note"))) is None


def test_a_refusal_of_the_time_is_compared_as_a_refusal() -> None:
    call = recorded(READER, *tool("pay", amount=1, to="bank a"), "scope_missing")
    assert call.case.expected == "scope_missing"
    assert decided_again(OLD, call) == "scope_missing"
