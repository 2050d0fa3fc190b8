"""Which tools a principal may call is decided once for a policy and an answer about the token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import pytest

from resource_service.errors import Refusal, insufficient_scope
from resource_service.policy.allowed_calls import MAX_TOOLS, AllowedCalls
from resource_service.policy.groups import Needed
from resource_service.policy.rules import Policy
from resource_service.principal import Principal


def policy_needing(scope: str) -> Policy:
    return Policy(
        scopes={"read": "Read", "write": "Write"}, default=Needed({"write"}), tools={"add": Needed({scope})}
    )


def principal_with(*scopes: str) -> Principal:
    return Principal(client_id="client", scopes=scopes, issuer="https://auth.example", expires_at=2**40)


def call_of(name: object, **params: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, **params}}


def refuse(*_: object) -> NoReturn:
    raise insufficient_scope(["read"], detail="")


def is_allowed(
    allowed: AllowedCalls, policy: Policy, principal: Principal, messages: Sequence[object]
) -> bool:
    try:
        allowed.check(messages, policy, principal)
    except Refusal:
        return False
    return True


def test_a_decision_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed, policy, principal = AllowedCalls(), policy_needing("read"), principal_with("read")
    assert is_allowed(allowed, policy, principal, [call_of("add")])
    monkeypatch.setattr("resource_service.policy.allowed_calls.check_has", None)
    assert is_allowed(allowed, policy, principal, [call_of("add", arguments={"a": 1})])


def test_a_decision_ends_with_the_policy() -> None:
    allowed, principal = AllowedCalls(), principal_with("read")
    assert is_allowed(allowed, policy_needing("read"), principal, [call_of("add")])
    assert not is_allowed(allowed, policy_needing("write"), principal, [call_of("add")])


def test_a_decision_ends_with_the_answer_about_the_token() -> None:
    allowed, policy = AllowedCalls(), policy_needing("read")
    assert is_allowed(allowed, policy, principal_with("read"), [call_of("add")])
    assert not is_allowed(allowed, policy, principal_with(), [call_of("add")])


@pytest.mark.parametrize(
    "messages",
    [
        [call_of("delete")],
        [call_of("ADD")],
        [call_of(["add"])],
        [call_of("add"), call_of("delete")],
        [{**call_of("add"), "method": "tools/other"}],
        [{**call_of("add"), "params": ["add"]}],
    ],
)
def test_a_decision_is_for_one_call_of_one_tool(messages: Sequence[object]) -> None:
    allowed, policy, principal = AllowedCalls(), policy_needing("read"), principal_with("read")
    assert is_allowed(allowed, policy, principal, [call_of("add")])
    assert not is_allowed(allowed, policy, principal, messages)


def test_refusals_are_decided_each_time() -> None:
    allowed, policy, principal = AllowedCalls(), policy_needing("write"), principal_with("read")
    for _ in range(2):
        assert not is_allowed(allowed, policy, principal, [call_of("add")])


def test_few_tools_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed, policy, principal = AllowedCalls(), policy_needing("write"), principal_with("write")
    for number in range(MAX_TOOLS + 1):
        assert is_allowed(allowed, policy, principal, [call_of(f"tool-{number}")])
    monkeypatch.setattr("resource_service.policy.allowed_calls.check_has", refuse)
    assert is_allowed(allowed, policy, principal, [call_of(f"tool-{MAX_TOOLS}")])
    assert not is_allowed(allowed, policy, principal, [call_of("tool-0")])
