"""The tests that a policy contains: each is decided as the service decides, and bad ones name their line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resource_service.policy.cases import OUTCOMES, outcome
from resource_service.policy.file import parse_cases, parse_policy
from resource_service.policy.validation import PolicyError

pytestmark = pytest.mark.requirement("GW-7")

POLICY = """\
scopes:
  read: Read
  write: {description: Write, includes: read}
default: write
tools:
  get_*: read
  delete_*: {scopes: write, groups: [ops, root]}
prompts: {"*": read}
resources: {"notes://*": read}
methods: {ping: read}
step_up: {delete_all: {acr: mfa, max_age: 300}}
tests:
"""
REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "policy.md"


def decided(case: str) -> str:
    content = f"{POLICY}  a: {{{case}, expect: allowed}}\n".encode()
    return outcome(parse_policy(content), parse_cases(content)["a"])


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        (", annotations: {readOnlyHint: true}", "allowed"),
        (", annotations: {openWorldHint: true}", "condition_unmet"),
        ("", "condition_unmet"),
    ],
)
def test_a_case_may_say_what_the_definition_of_the_tool_says(annotations: str, expected: str) -> None:
    content = POLICY.replace("tests:", "when: {get_*: {annotations: {readOnlyHint: true}}}\ntests:")
    document = f"{content}  a: {{tool: get_note, scopes: read, expect: allowed{annotations}}}\n".encode()
    assert outcome(parse_policy(document), parse_cases(document)["a"]) == expected


@pytest.mark.requirement("GW-6")
@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("tool: get_all, scopes: read", "approve: self"),
        ("tool: get_all, scopes: read, groups: ops", "allowed"),
        ("tool: get_all, scopes: read, arguments: '{\"n\": 5}'", "allowed"),
        ("tool: get_all, scopes: read, arguments: '{\"n\": 6}'", "approve: self"),
        ("tool: get_all, scopes: read, annotations: {readOnlyHint: true}", "allowed"),
        ("tool: get_all, scopes: read, time: 2026-11-29T12:00", "allowed"),
        ("tool: get_one, scopes: read", "approve: group:ops"),
        ("tool: get_one", "scope_missing"),
        ("prompt: get_one, scopes: read", "allowed"),
    ],
)
def test_a_case_says_who_must_approve_a_call(case: str, expected: str) -> None:
    approve = """\
approve:
  get_all:
    by: self
    unless: [{groups: ops}, {arguments: {/n: {max: 5}}}, {annotations: {readOnlyHint: true}}, {days: [sun]}]
  get_*: group:ops
tests:"""
    by = expected.removeprefix("approve: ")
    expect = expected if by == expected else f"{{approve: '{by}'}}"
    content = f"{POLICY.replace('tests:', approve)}  a: {{{case}, expect: {expect}}}\n".encode()
    case_in_file = parse_cases(content)["a"]
    assert outcome(parse_policy(content), case_in_file) == case_in_file.expected == expected


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("tool: get_note, scopes: read", "allowed"),
        ("tool: get_note, scopes: [write]", "allowed"),
        ("tool: get_note", "scope_missing"),
        ("tool: other, scopes: read", "scope_missing"),
        ("tool: delete_note, scopes: write", "group_missing"),
        ("tool: delete_note, groups: ops", "scope_missing"),
        ("tool: delete_note, scopes: read", "group_missing"),
        ("tool: delete_note, scopes: write, groups: [sales, root]", "allowed"),
        ("prompt: any, scopes: read", "allowed"),
        ("resource: notes://1, scopes: read", "allowed"),
        ("resource: 'notes:1', scopes: read", "scope_missing"),
        ("resource: other://1, scopes: read", "scope_missing"),
        ("method: tools/list", "allowed"),
        ("method: ping", "scope_missing"),
        ("method: unheard/of, scopes: read", "scope_missing"),
    ],
)
def test_a_case_is_decided_as_a_request_is(case: str, expected: str) -> None:
    assert decided(case) == expected


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ("", "login_not_strong_enough"),
        (", acr: mfa", "login_not_strong_enough"),
        (", acr: password, login_age: 1", "login_not_strong_enough"),
        (", acr: mfa, login_age: 300", "allowed"),
        (", acr: mfa, login_age: 301", "login_not_strong_enough"),
    ],
)
def test_a_case_has_the_strength_and_the_age_of_a_login(login: str, expected: str) -> None:
    assert decided(f"tool: delete_all, scopes: write, groups: ops{login}") == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("  a: {expect: allowed}", "line 13: the test 'a' must name one of tool, prompt, resource or method"),
        ("  a: {tool: x, method: ping, expect: allowed}", "must name one of"),
        ("  a: {tool: x}", "the test 'a' expects nothing; write expect: allowed, or scope_missing"),
        ("  a: {tool: x, expect: alowed}", "did you mean 'allowed'?"),
        ("  a: {tool: x, expect: limit_exceeded}", "a policy decides allowed"),
        ("  a: {tool: x, expect: {approve: ada}}", "expect of the test 'a' is 'ada': it must be self, or"),
        (
            "  a: {tool: x, expect: {approves: self}}",
            "'approves' is not part of what a test expects; did",
        ),
        (
            "  a: {tool: x, expect: {}}",
            "the test 'a' expects nothing; write expect: {approve: self}",
        ),
        ("  a: {tool: x, scope: read, expect: allowed}", "'scope' is not part of a test; did you mean"),
        ("  a: {tool: [x], expect: allowed}", "tool of the test 'a' must be text"),
        ("  a: {tool: x, login_age: -1, expect: allowed}", "must be a number of seconds"),
        ("  a: {tool: x, login_age: 9999999999, expect: allowed}", "must be a number of seconds"),
        ("  a: {tool: x, scopes: {a: b}, expect: allowed}", "must be text"),
        ("  a: {tool: x, arguments: '{', expect: allowed}", "arguments of the test 'a' must be JSON"),
        ("  a: {tool: x, time: noon, expect: allowed}", "and must be like 2026-12-31T23:59, UTC"),
        ("  a: x", "must be a list of `name: value` lines"),
        ("  - a", "tests must be a list of `name: value` lines"),
        ("  a: {tool: x, expect: allowed}\n  a: {tool: x, expect: allowed}", "line 14"),
        ("\n".join(f"  a{n}: {{tool: x, expect: allowed}}" for n in range(1001)), "more than 1000 tests"),
    ],
)
def test_an_invalid_case_names_its_line(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(says)):
        parse_cases(f"{POLICY}{text}\n".encode())


def test_a_policy_is_as_valid_without_its_cases() -> None:
    assert parse_policy(f"{POLICY}  a: {{tool: x}}\n".encode())
    assert parse_cases(POLICY.removesuffix("tests:\n").encode()) == {}


def test_the_examples_of_the_reference_hold() -> None:
    policy, *others = re.findall(r"```yaml\n(.*?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)
    (cases,) = (block for block in others if block.startswith("tests:"))
    more = """\
step_up: {delete_issue: {acr: mfa, max_age: 300}}
when: {delete_issue: {days: [mon, wed]}}
approve: {delete_issue: {by: group:ops, unless: {arguments: {/id: {max: 9}}}}}
"""
    content = f"{policy}\n{more}\n{cases}".encode()
    outcomes = {case.expected: outcome(parse_policy(content), case) for case in parse_cases(content).values()}
    assert outcomes == {code: code for code in (*OUTCOMES, "approve: group:ops")}
