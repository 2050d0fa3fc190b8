"""The file of a policy: what it may say, and how it says what is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from resource_service.policy import file
from resource_service.policy.file import parse_policy, read_policy
from resource_service.policy.rules import Policy, Scopes
from resource_service.policy.validation import PolicyError

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "policy.md"
SCOPES = "scopes:\n  read: Read\n  write: {description: Write, includes: read}\ndefault: write\n"


def example() -> Policy:
    """The policy that the documentation shows."""
    block = re.search(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    return parse_policy(block[1].encode())


def needed(policy: Policy, tool: str) -> set[str]:
    return set(map(str, policy.needed([{"method": "tools/call", "params": {"name": tool}}])))


@pytest.mark.requirement("RS-4")
def test_the_example_of_the_documentation_does_what_the_documentation_says() -> None:
    policy = example()
    assert needed(policy, "list_issues") == {"issues:read"}
    assert needed(policy, "get_issue_history") == {"issues:read"}
    assert needed(policy, "create_issue") == {"issues:write"}
    assert needed(policy, "delete_issue") == {"issues:admin", "one of the groups ops"}
    assert needed(policy, "whoami") == set()
    assert needed(policy, "added_next_year") == {"issues:admin"}
    assert policy.closure(["issues:admin"]) == set(policy.scopes)
    assert policy.hide


def test_a_policy_hides_nothing_and_publishes_its_scopes_unless_it_says_otherwise() -> None:
    policy = parse_policy(SCOPES.encode())
    assert (policy.hide, policy.publish) == (False, True)
    policy = parse_policy(f"{SCOPES}hide: true\npublish: false\n".encode())
    assert (policy.hide, policy.publish) == (True, False)


def test_every_scalar_is_text() -> None:
    policy = parse_policy(b"scopes: {no: 1.0, 0x1: on}\ndefault: [no, 0x1]\ntools: {yes: no, null: 0x1}")
    assert policy.scopes == {"no": "1.0", "0x1": "on"}
    assert policy.tools == {"yes": Scopes({"no"}), "null": Scopes({"0x1"})}


def test_a_scope_or_several_may_be_needed_or_none() -> None:
    policy = parse_policy(f"{SCOPES}tools:\n  a: read\n  b: [read, write]\n  c: []\n".encode())
    assert list(policy.tools.values()) == [{"read"}, {"read", "write"}, set()]
    assert policy.includes == {"write": {"read"}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        (f"{SCOPES}tools:\n  a:\n    read\n  a: write", "line 8: 'a' appears twice, first in line 6"),
        (SCOPES.replace("Write", "Write, words: Write"), "'words' is not a member of a scope"),
        ("# nothing", "is empty"),
        ("- a", "line 1: the policy must be"),
        ("scopes: {read: Read}", "'default' is missing"),
        ("default: []", "'scopes' is missing"),
        (f"{SCOPES}tool: {{a: read}}", "line 5: 'tool' is not a key of a policy; did you mean 'tools'?"),
        (f"{SCOPES}tools:\n  a: raed", "line 6: 'raed' is not one of the scopes; did you mean 'read'?"),
        (f"{SCOPES}tools:\n  a: read\n  a: write", "line 7: 'a' appears twice, first in line 6"),
        (f"{SCOPES}default: []", "line 5: 'default' appears twice"),
        (f"{SCOPES}tools:\n  a:", "line 6: 'a' names no scope; write []"),
        (f"{SCOPES}tools:\n  a: read write", "several scopes are a list"),
        (f"{SCOPES}tools:\n  a: [read, read]", "names a scope twice"),
        (f"{SCOPES}tools:\n  a: [[read]]", "must be text"),
        (f"{SCOPES}tools:\n  a: {{b: read}}", "line 6: 'b' is not part of a rule"),
        (f"{SCOPES}tools:\n  [a, b]: read", "line 6: a key must be text"),
        (f"{SCOPES}tools: read", "line 5: tools must be"),
        (f"{SCOPES}tools:", "line 5: tools must be"),
        (
            f"{SCOPES}tools:\n  *_note: read",
            "line 6: aliases are not supported; quote a pattern that begins with *",
        ),
        (f"{SCOPES}tools: &t\n  a: read\nprompts: *t", "anchors are not supported"),
        (f"{SCOPES}tools: !!python/object/apply:os.system ['id']", "tags are not supported"),
        (f"{SCOPES}tools:\n  '*': read\n  'get_*': read", "line 7: 'get_*' can never match"),
        (f"{SCOPES}tools:\n  '': read", "line 6: '' can never match: it is empty"),
        (f"{SCOPES}resources:\n  /etc/*: read", "line 6: '/etc/*' can never match"),
        (f"{SCOPES}publish: yes", "line 5: 'yes' is neither true nor false"),
        (f"{SCOPES}publish: [true]", "must be text"),
        (f"{SCOPES}---\n{SCOPES}", "this is not YAML"),
        (f"{SCOPES}tools: {{a: read", "this is not YAML"),
        (f"{SCOPES}\ttools: 1", "line 5: this is not YAML"),
        ("scopes:\n  read: Read\n  openid: You\ndefault: read", "line 3: 'openid' is a scope of the auth"),
        (
            "scopes:\n  a:\n    description: A\n    include: b\ndefault: a",
            "line 4: 'include' is not a member of a scope",
        ),
        ("scopes:\n  a:\n    includes: []\ndefault: a", "has no description"),
        ("scopes:\n  a:\ndefault: a", "line 2: 'a' needs a description"),
        (
            "scopes:\n  a: {description: A, includes: b}\n  b: {description: B, includes: a}\ndefault: a",
            "a includes b",
        ),
        ("[" * 100_000, "this is not YAML"),
        ("\0", "this is not YAML"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_its_line(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(says)):
        parse_policy(text.encode())


def test_the_first_line_of_an_error_of_the_parser_is_enough() -> None:
    with pytest.raises(PolicyError) as raised:
        parse_policy(b"\0")
    reason = "unacceptable character #x0000: special characters are not allowed"
    assert str(raised.value) == f"this is not YAML: {reason}"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "MAX_BYTES", 100)
    with pytest.raises(PolicyError, match="cannot be read"):
        read_policy(tmp_path / "nowhere.yaml")
    with pytest.raises(PolicyError, match="cannot be read"):
        read_policy(tmp_path)
    (tmp_path / "largest.yaml").write_text(SCOPES.ljust(100, "\n"))
    assert read_policy(tmp_path / "largest.yaml").scopes
    (tmp_path / "large.yaml").write_text(SCOPES.ljust(101, "\n"))
    with pytest.raises(PolicyError, match="larger than"):
        read_policy(tmp_path / "large.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"scopes: {a: \xe4}")
    with pytest.raises(PolicyError, match="not UTF-8"):
        read_policy(tmp_path / "latin.yaml")


def test_the_old_key_of_a_description_is_accepted_with_a_warning() -> None:
    with capture_logs() as logs:
        policy = parse_policy(SCOPES.replace("description:", "words:").encode())
    assert policy.scopes["write"] == "Write"
    assert [(line["event"], line["key"]) for line in logs] == [("deprecated policy key", "words")]
