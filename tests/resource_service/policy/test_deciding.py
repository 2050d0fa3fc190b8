"""The rules that the journal names, and what it keeps of arguments."""

from __future__ import annotations

from typing import Any

import pytest

from resource_service.policy.deciding import deciding_rules
from resource_service.policy.file import parse_policy
from resource_service.policy.rules import Policy
from resource_service.policy.validation import PolicyError
from shared.journal.redaction import Redaction

SCOPES = "scopes:\n  read: Read\ndefault: read\n"
RULES = f"""{SCOPES}
tools: {{delete_note: read, "delete_*": read}}
prompts: {{greet: read}}
resources: {{"file:///notes/*": read}}
methods: {{"tools/*": read}}
journal: {{delete_note: none, "search_*": full, "*": hash}}
"""


@pytest.mark.parametrize(
    ("method", "params", "rule"),
    [
        ("tools/call", {"name": "delete_note"}, "methods: tools/*, tools: delete_note"),
        ("tools/call", {"name": "delete_all"}, "methods: tools/*, tools: delete_*"),
        ("tools/call", {"name": "list"}, "methods: tools/*, default"),
        ("tools/call", {"name": 5}, "methods: tools/*, default"),
        ("tools/list", {}, "methods: tools/*"),
        ("prompts/get", {"name": "greet"}, "prompts: greet"),
        ("prompts/get", {}, "default"),
        ("resources/read", {"uri": "file:///notes/1"}, "resources: file:///notes/*"),
        ("resources/read", {"uri": "file:///etc"}, "default"),
        ("resources/read", {"uri": []}, "default"),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "greet"}}, "prompts: greet"),
        ("completion/complete", {"ref": {"uri": "file:///notes/1"}}, "resources: file:///notes/*"),
        ("completion/complete", {"ref": 1}, "default"),
        ("initialize", {}, "free"),
        ("any/other", {}, "default"),
    ],
)
def test_the_rules_that_decide_are_named(method: str, params: dict[str, Any], rule: str) -> None:
    assert deciding_rules(parse_policy(RULES.encode()), method, params) == rule


@pytest.mark.requirement("JR-4")
def test_arguments_are_kept_by_the_rule_of_the_exact_name_or_the_first_pattern() -> None:
    policy = parse_policy(RULES.encode())
    assert policy.redaction("delete_note") is Redaction.NONE
    assert policy.redaction("search_notes") is Redaction.FULL
    assert policy.redaction("other") is Redaction.HASH
    assert Policy(scopes={}, default=policy.required).redaction("other") is Redaction.KEYS


@pytest.mark.parametrize(
    ("journal", "says"),
    [
        ("{a: everything}", "must be one of none, keys, hash, full"),
        ("{a: [full]}", "must be text"),
        ("full", "must be a list of"),
        ('{"*": keys, "a*": full}', "can never match"),
        ('{"": full}', "can never match"),
    ],
)
def test_a_wrong_rule_is_named_with_its_line(journal: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says) as refused:
        parse_policy(f"{SCOPES}journal: {journal}\n".encode())
    assert refused.value.line == 4


def test_each_change_of_the_file_is_another_version() -> None:
    versions = {parse_policy(text.encode()).version for text in (RULES, SCOPES, f"{SCOPES}\n")}
    assert len(versions) == 3
    assert parse_policy(RULES.encode()).version == parse_policy(RULES.encode()).version
