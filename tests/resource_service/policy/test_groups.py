"""Groups in a policy: a call needs the scopes and one of the groups (ID-3)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from resource_service.policy.file import parse_policy
from resource_service.policy.listing import ListFilter
from resource_service.policy.published import described, group_uses
from resource_service.policy.rules import Policy
from resource_service.policy.validation import PolicyError

pytestmark = pytest.mark.requirement("ID-3")

SCOPES = "scopes:\n  read: Read\n  write: {description: Write, includes: read}\n"
POLICY = parse_policy(
    f"""{SCOPES}
default: {{scopes: write, groups: owners}}
tools:
  list_*: read
  delete_*: {{scopes: write, groups: [ops, "okta:On call"]}}
  delete_draft: write
prompts:
  plan: {{scopes: read, groups: ops}}
resources:
  keys://*: {{scopes: read, groups: ops}}
  notes://*: read
methods:
  tasks/*: {{scopes: [], groups: dev}}
contact: it@example.com
hide: true
""".encode()
)


def call(method: str, **params: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def tool(name: str) -> dict[str, Any]:
    return call("tools/call", name=name)


def may(scopes: str, groups: list[str], *messages: dict[str, Any]) -> bool:
    return not POLICY.missing(POLICY.needed(messages), scopes.split(), groups)


def test_a_call_needs_the_scopes_and_one_of_the_groups() -> None:
    delete = tool("delete_note")
    assert may("write", ["ops"], delete)
    assert may("write", ["dev", "okta:On call"], delete)
    assert not may("write", [], delete)
    assert not may("write", ["dev", "Ops", "On call"], delete)
    assert not may("read", ["ops"], delete)


def test_a_rule_without_groups_needs_none_and_what_no_rule_names_those_of_the_default() -> None:
    assert may("read", [], tool("list_notes"))
    assert may("write", [], tool("delete_draft"))
    assert not may("write", ["ops"], tool("unheard"))
    assert may("write", ["owners"], tool("unheard"))


@pytest.mark.parametrize(
    ("message", "group"),
    [
        (call("prompts/get", name="plan"), "ops"),
        (call("completion/complete", ref={"type": "ref/prompt", "name": "plan"}), "ops"),
        (call("resources/read", uri="keys://one"), "ops"),
        (call("resources/subscribe", uri="keys://one"), "ops"),
        (call("subscriptions/listen", notifications={"resourceSubscriptions": ["keys://one"]}), "ops"),
        (call("tasks/get", taskId="1"), "dev"),
        (call("unheard/of"), "owners"),
    ],
    ids=lambda value: value["method"] if isinstance(value, dict) else value,
)
def test_each_kind_of_rule_can_name_groups(message: dict[str, Any], group: str) -> None:
    assert may("write", [group], message)
    assert not may("write", ["elsewhere"], message)


def test_a_request_with_several_messages_needs_a_group_of_each() -> None:
    both = tool("delete_note"), call("tasks/get", taskId="1")
    assert not may("write", ["ops"], *both)
    assert not may("write", ["dev"], *both)
    assert may("write", ["ops", "dev"], *both)


def test_no_spelling_of_a_uri_avoids_the_group() -> None:
    for uri in ("keys://one/%2e%2e/two", "keys://one?x#y", "keys:one", "KEYS://one", "k" * 9_000):
        assert not may("write", [], call("resources/read", uri=uri)), uri


def test_lists_omit_what_the_groups_of_the_caller_do_not_allow() -> None:
    def seen(*groups: str) -> list[str]:
        names = ("list_notes", "delete_note", "unheard")
        text = json.dumps({"id": 1, "result": {"tools": [{"name": name} for name in names]}}).encode()
        shortened = ListFilter(POLICY, ("write",), None, groups).shortened(text) or text
        return [tool["name"] for tool in json.loads(shortened)["result"]["tools"]]

    assert seen() == ["list_notes"]
    assert seen("ops") == ["list_notes", "delete_note"]
    assert seen("ops", "owners") == ["list_notes", "delete_note", "unheard"]


def test_a_policy_knows_its_groups_and_publishes_none_of_them() -> None:
    assert POLICY.groups == {"owners", "ops", "okta:On call", "dev"}
    assert parse_policy(f"{SCOPES}default: read".encode()).groups == frozenset()
    published = " ".join(scope.model_dump_json() for scope in described(POLICY).values())
    assert not [group for group in POLICY.groups if group in published]
    assert group_uses(POLICY) == {
        "dev": ["method tasks/*"],
        "okta:On call": ["tool delete_*"],
        "ops": ["tool delete_*", "prompt plan", "resource keys://*"],
        "owners": ["everything else"],
    }


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("{groups: ops}", "line 6: 'a' does not say which scopes it needs; write []"),
        ("{scopes: read, group: ops}", "'group' is not part of a rule; did you mean 'groups'?"),
        ("{scopes: read, groups: []}", "line 6: 'a' names no group; omit `groups`"),
        ("{scopes: read, groups: }", "'a' has a group without a name"),
        ("{scopes: read, groups: [ops, ops]}", "'a' names a group twice"),
        ("{scopes: read, groups: {ops: read}}", "a group of 'a' must be text"),
        ("{scopes: read, groups: [[ops]]}", "a group of 'a' must be text"),
        ("{scopes: read, groups: '*'}", "line 6: '*' cannot be a group: groups have exact names"),
        ("{scopes: read, groups: ' ops'}", "' ops' cannot be a group: a group is named in one line"),
        ('{scopes: read, groups: "a\\nb"}', "cannot be a group: a group is named in one line"),
        ("{scopes: raed, groups: ops}", "line 6: 'raed' is not one of the scopes; did you mean 'read'?"),
        ("{}", "'a' does not say which scopes it needs"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_with_its_line(rule: str, says: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(says)):
        parse_policy(f"{SCOPES}default: read\ntools:\n  a: {rule}\n".encode())


def test_the_name_of_a_group_has_255_characters_at_most() -> None:
    assert parse_policy(f"{SCOPES}default: {{scopes: read, groups: {'g' * 255}}}".encode()).groups == {
        "g" * 255
    }
    with pytest.raises(PolicyError, match="at most 255 characters"):
        parse_policy(f"{SCOPES}default: {{scopes: read, groups: {'g' * 256}}}".encode())


def test_the_default_is_checked_as_strictly_and_the_contact_is_one_line() -> None:
    with pytest.raises(PolicyError, match=re.escape("line 4: '*' cannot be a group")):
        parse_policy(f"{SCOPES}default: {{scopes: read, groups: '*'}}".encode())
    with pytest.raises(PolicyError, match="line 5: contact must be one line"):
        parse_policy(f'{SCOPES}default: read\ncontact: "a\\nb"'.encode())


def test_the_contact_has_200_characters_at_most() -> None:
    longest = "c" * 200
    assert parse_policy(f"{SCOPES}default: read\ncontact: {longest}".encode()).contact == longest
    with pytest.raises(PolicyError, match="at most 200 characters"):
        parse_policy(f"{SCOPES}default: read\ncontact: {longest}c".encode())


def test_what_is_missing_stays_missing_for_callers_that_do_not_know_groups() -> None:
    policy: Policy = POLICY
    assert policy.missing(policy.for_tool("delete_note"), ["write"])
