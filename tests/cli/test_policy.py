"""`doorward policy`, and how `up` and the services take the scopes from a policy."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from shared.cli.installation import resource_servers
from tests.cli.command import doorward

POLICY = """\
scopes:
  notes:read: Read “notes”
  notes:write: {description: "Add [bold]notes[/bold]", includes: notes:read}
default: notes:write
tools:
  get_*: notes:read
  whoami: []
resources:
  notes://*: [notes:read, notes:write]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    return tmp_path / "policy.yaml"


def test_check_says_what_each_scope_allows(file: Path) -> None:
    done = doorward("policy", "check", "policy.yaml", cwd=file.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "notes:read: Read “notes”",
        "  tools: get_*",
        "  resources: notes://*",
        "notes:write: Add [bold]notes[/bold]",
        "  includes: notes:read",
        "  resources: notes://*",
        "  everything else",
    ]


@pytest.mark.requirement("GW-5")
def test_check_lists_the_limits_and_says_where_they_are_counted(file: Path) -> None:
    limits = "limits:\n  a: {per: [person, tool], rate: 5/minute, daily: 9, tools: [x, y_*]}\n"
    file.write_text(POLICY + limits, encoding="utf-8")
    done = doorward("policy", "check", "policy.yaml", cwd=file.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-3:] == [
        "limit a: 5 calls per minute, 9 calls per day (UTC) for each person and tool",
        "  tools: x, y_*",
        "Processes count together only if they share a store: see DOORWARD_RESOURCE_STORE.",
    ]


@pytest.mark.requirement("ID-3")
def test_check_says_what_is_for_members_of_a_group_only(file: Path) -> None:
    rule = '{scopes: [], groups: [ops, "okta:On [red] call"]}'
    file.write_text(POLICY.replace("whoami: []", f"whoami: {rule}"), encoding="utf-8")
    done = doorward("policy", "check", "policy.yaml", cwd=file.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-5:] == [
        "group okta:On [red] call: one of the groups that may use",
        "  tool whoami",
        "group ops: one of the groups that may use",
        "  tool whoami",
        "A group counts only if the access rules name it for the resource: see `doorward access show`.",
    ]


@pytest.mark.parametrize("command", ["check", "scopes"])
def test_an_error_is_reported_with_the_file_and_the_line(command: str, file: Path) -> None:
    file.write_text(POLICY.replace("get_*: notes:read", "get_*: notes:reed"), encoding="utf-8")
    done = doorward("policy", command, "policy.yaml", cwd=file.parent)
    assert done.returncode == 2
    expected = "policy.yaml: line 6: 'notes:reed' is not one of the scopes; did you mean 'notes:read'?"
    assert done.stderr.strip() == f"doorward: {expected}"


@pytest.mark.requirement("AS-21")
def test_scopes_prints_what_the_authorization_server_needs(file: Path) -> None:
    plain = doorward("policy", "scopes", "policy.yaml", cwd=file.parent)
    (line,) = shlex.split(plain.stdout)
    assert line == "DOORWARD_RESOURCE_SCOPES=notes:read=Read “notes”; notes:write=Add [bold]notes[/bold]"
    arguments = ("--json", "--resource", "https://a.example/mcp", "--name", "A")
    done = doorward("policy", "scopes", "policy.yaml", *arguments, cwd=file.parent)
    assert json.loads(done.stdout) == {
        "resource": "https://a.example/mcp",
        "name": "A",
        "scopes": {"notes:read": "Read “notes”", "notes:write": "Add [bold]notes[/bold]"},
    }


@pytest.mark.requirement("AS-21")
def test_up_gives_the_authorization_server_the_scopes_of_each_policy(file: Path) -> None:
    scopes = {"notes:read": "Read “notes”", "notes:write": "Add [bold]notes[/bold]"}

    def resources(**environment: str) -> list[dict[str, Any]]:
        (server,) = resource_servers("http://localhost:9001/mcp", "s", environment)
        listed: list[dict[str, Any]] = server["resources"]
        return listed

    (ruled,) = resources(DOORWARD_UPSTREAM="http://a", DOORWARD_POLICY=str(file))
    assert ruled["scopes"] == scopes
    (built_in,) = resources(DOORWARD_POLICY=str(file))
    assert (built_in["name"], built_in["scopes"]) == ("Doorward notes", scopes)
    mounts = json.dumps({"/a": "http://a", "/b": {"upstream": "http://b", "policy": str(file)}})
    open_one, ruled = resources(DOORWARD_MOUNTS=mounts)
    assert "scopes" not in open_one
    assert ruled["scopes"] == scopes


def test_up_says_what_is_wrong_with_a_policy(file: Path) -> None:
    file.write_text("scopes: {}", encoding="utf-8")
    settings = {"DOORWARD_UPSTREAM": "http://127.0.0.1:1/mcp", "DOORWARD_POLICY": "policy.yaml"}
    done = doorward("up", cwd=file.parent, **settings)
    assert done.returncode == 2
    assert "policy.yaml: 'default' is missing" in done.stderr


CASES = """
tests:
  reading is free: {tool: whoami, expect: allowed}
  "[b]others[/b] need the default": {tool: other, scopes: notes:read, expect: OUTCOME}
"""


@pytest.mark.requirement("GW-7")
def test_the_tests_of_a_policy_decide_the_exit_status(file: Path) -> None:
    file.write_text(POLICY + CASES.replace("OUTCOME", "scope_missing"), encoding="utf-8")
    done = doorward("policy", "test", "policy.yaml", cwd=file.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["passed  reading is free", "passed  [b]others[/b] need the default"]
    file.write_text(POLICY + CASES.replace("OUTCOME", "allowed"), encoding="utf-8")
    done = doorward("policy", "test", "policy.yaml", cwd=file.parent)
    assert done.returncode == 1
    assert done.stderr.strip() == "doorward: 1 of 2 tests of the policy failed"
    assert done.stdout.splitlines()[1] == (
        "failed  [b]others[/b] need the default: allowed is expected, but it is scope_missing"
    )
    listed = json.loads(doorward("policy", "test", "policy.yaml", "--json", cwd=file.parent).stdout)
    assert [each["outcome"] for each in listed] == ["allowed", "scope_missing"]
    assert [each["passed"] for each in listed] == [True, False]


@pytest.mark.requirement("GW-7")
def test_a_policy_without_tests_and_one_with_an_invalid_test_are_errors(file: Path) -> None:
    done = doorward("policy", "test", "policy.yaml", cwd=file.parent)
    assert (done.returncode, done.stderr.strip()) == (2, "doorward: policy.yaml: the policy has no tests")
    file.write_text(POLICY + CASES.replace("OUTCOME", "yes"), encoding="utf-8")
    for command in ("test", "check"):
        done = doorward("policy", command, "policy.yaml", cwd=file.parent)
        assert done.returncode == 2
        assert "policy.yaml: line 13: the test " in done.stderr


@pytest.mark.requirement("GW-7")
def test_replay_names_what_the_policy_decides_otherwise_and_fails_then(file: Path) -> None:
    call = {"kind": "call.begun", "time_ms": 1_700_000_000_000, "method": "tools/call", "resource": "r"}
    events: list[dict[str, Any]] = [
        {**call, "name": "get_note", "scopes": ["notes:read"], "subject": "a"},
        {**call, "name": "add_note", "scopes": ["notes:read"], "subject": "a"},
        {**call, "name": "add_note", "scopes": [], "subject": "b"},
        {**call, "name": "add_note", "scopes": [], "resource": "another"},
        {**call, "name": "before scopes were recorded"},
        {"kind": "login", "time_ms": 1_700_000_000_000},
    ]
    (file.parent / "events.jsonl").write_text("\n".join(map(json.dumps, events)))
    command = ("policy", "replay", "policy.yaml", "events.jsonl", "--resource", "r")
    done = doorward(*command, cwd=file.parent)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "calls\tpeople\tname\twas\twould be",
        "2\t2\tadd_note\tallowed\tscope_missing",
        "3 calls: 1 as before, 2 differently, 0 undecided; events skipped: 1",
    ]
    as_json = doorward(*command, "--json", cwd=file.parent)
    row = {"calls": 2, "people": 2, "name": "add_note", "was": "allowed", "would_be": "scope_missing"}
    assert (as_json.returncode, json.loads(as_json.stdout)) == (1, [row])
    (file.parent / "events.jsonl").write_text(json.dumps(events[0]))
    assert doorward(*command, cwd=file.parent).returncode == 0
    (file.parent / "events.jsonl").write_text("{}")
    assert "line 1 is not an event" in doorward(*command, cwd=file.parent).stderr
