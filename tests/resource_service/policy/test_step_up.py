"""Which login a tool needs (RFC 9470)."""

from __future__ import annotations

from typing import Any

import pytest

from resource_service.policy.file import parse_policy
from resource_service.policy.step_up import StepUp, step_ups
from resource_service.policy.validation import PolicyError

pytestmark = pytest.mark.requirement("ID-5")

SCOPES = "scopes:\n  read: Read\ndefault: read\n"
RULES = {"delete_note": StepUp("mfa", 300), "delete_*": StepUp("mfa"), "*": StepUp(max_age_s=3_600)}


def called(*names: object) -> list[dict[str, Any]]:
    return [{"method": "tools/call", "params": {"name": name}} for name in names]


@pytest.mark.parametrize(
    ("step_up", "acr", "age_s", "met"),
    [
        (StepUp("mfa"), "mfa", None, True),
        (StepUp("mfa"), "password", 1, False),
        (StepUp("mfa"), None, 1, False),
        (StepUp("password"), "mfa", None, True),
        (StepUp("password"), "federated", None, False),
        (StepUp(max_age_s=60), "password", 1, True),
        (StepUp(max_age_s=60), "password", 60, True),
        (StepUp(max_age_s=60), "password", 60.1, False),
        (StepUp(max_age_s=60), "mfa", None, False),
        (StepUp("mfa", 60), "mfa", 61, False),
        (StepUp("mfa", 60), "password", 1, False),
    ],
)
def test_a_login_is_strong_and_recent_enough_or_not(
    step_up: StepUp, acr: str | None, age_s: float | None, met: bool
) -> None:
    assert step_up.is_met_by(acr, age_s) is met


def test_an_exact_name_wins_then_the_first_pattern_and_each_tool_of_a_batch_counts() -> None:
    assert step_ups(RULES, called("delete_note")) == [RULES["delete_note"]]
    assert step_ups(RULES, called("delete_all", "list", 7)) == [RULES["delete_*"], RULES["*"], RULES["*"]]
    assert step_ups(RULES, [{"method": "tools/call", "params": []}]) == [RULES["*"]]
    assert step_ups(RULES, [{"method": "tools/list"}, "x"]) == []
    assert step_ups({"add": StepUp("mfa")}, called("list")) == []


def test_the_file_names_an_acr_or_both() -> None:
    text = f"{SCOPES}step_up:\n  a: mfa\n  b: {{acr: mfa, max_age: 300}}\n  c: {{max_age: 0}}\n"
    assert parse_policy(text.encode()).step_up == {
        "a": StepUp("mfa"),
        "b": StepUp("mfa", 300),
        "c": StepUp(None, 0),
    }
    longest = parse_policy(f"{SCOPES}step_up:\n  a: {{max_age: 999999999}}\n".encode())
    assert longest.step_up == {"a": StepUp(None, 999_999_999)}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("a: {}", "names neither"),
        ("a: {acr: mfa, age: 3}", "is not part of a step-up"),
        ("a: {max_age: soon}", "must be a number of seconds"),
        ("a: {max_age: ''}", "must be a number of seconds"),
        ("a: {max_age: ٣}", "must be a number of seconds"),
        ("a: {max_age: 1000000000}", "must be a number of seconds"),
        ("a: 'm f a'", "is not an acr"),
        ("a: [mfa]", "must be"),
    ],
)
def test_an_error_in_it_is_reported_with_the_line(wrong: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says) as error:
        parse_policy(f"{SCOPES}step_up:\n  {wrong}\n".encode())
    assert error.value.line == 5
