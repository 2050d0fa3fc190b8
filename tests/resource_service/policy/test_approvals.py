"""The `approve` of a policy: who approves which calls (GW-6)."""

from __future__ import annotations

from typing import Any

import pytest

from resource_service.policy.approvals import MAX_APPROVER, approver_of
from resource_service.policy.conditions import CallContext
from resource_service.policy.file import parse_policy
from resource_service.policy.rules import Policy
from resource_service.policy.validation import PolicyError

pytestmark = pytest.mark.requirement("GW-6")

CALLER = CallContext(scopes=frozenset(), groups=frozenset(), now=0)
NO_APPROVER = "it must be self, or group: and the name of a group"


def policy_with(rule: str) -> Policy:
    return parse_policy(f"scopes: {{}}\ndefault: []\napprove:\n  pay: {rule}\n".encode())


def approver(policy: Policy, name: str = "pay", **arguments: Any) -> str | None:
    params = {"name": name, "arguments": arguments}
    return approver_of(policy.approve, {"method": "tools/call", "params": params}, CALLER)


@pytest.mark.parametrize(
    ("rule", "by"),
    [("self", "self"), ("group:ops", "group:ops"), ("{by: self}", "self"), ('"group:okta:On call"', None)],
)
def test_a_rule_names_the_approver(rule: str, by: str | None) -> None:
    policy = policy_with(rule)
    assert approver(policy) == (by or rule.strip('"'))
    assert approver(policy, name="get") is None


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("ada", f"`approve` of 'pay' is 'ada': {NO_APPROVER}"),
        ('"group:"', f"`approve` of 'pay' is 'group:': {NO_APPROVER}"),
        ('"group: "', f"`approve` of 'pay' is 'group: ': {NO_APPROVER}"),
        ('"group:a\\u200bb"', NO_APPROVER),
        (f"group:{'x' * MAX_APPROVER}", NO_APPROVER),
        ("{by: Self}", f"`approve` of 'pay' is 'Self': {NO_APPROVER}"),
        ("{unless: {hours: 08:00-09:00}}", "`approve` of 'pay' does not say who approves"),
        ("{by: self, when: {hours: 08:00-09:00}}", "'when' is not part of an approval"),
        ("{by: self, unless: {hours: 8-9}}", "`unless` of 'pay'"),
        ("[self]", "`approve` of 'pay'"),
    ],
)
def test_a_rule_without_a_valid_approver_is_refused_with_its_line(rule: str, fault: str) -> None:
    with pytest.raises(PolicyError) as raised:
        policy_with(rule)
    assert fault in str(raised.value)
    assert str(raised.value).startswith("line 4: ")


@pytest.mark.parametrize(
    ("arguments", "is_needed"),
    [({"amount": 10}, False), ({"amount": 11}, True), ({}, True), ({"amount": 1, "AMOUNT": 99}, True)],
)
def test_a_call_needs_no_approval_only_if_a_condition_holds(
    arguments: dict[str, Any], *, is_needed: bool
) -> None:
    policy = policy_with("{by: self, unless: {arguments: {/amount: {max: 10}}}}")
    assert (approver(policy, **arguments) == "self") is is_needed
