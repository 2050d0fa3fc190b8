"""`doorward tools`: the operator compares what is held with what was approved, and approves it (GW-4)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resource_service.pins.definitions import DefinitionKind, Pins, definitions_in
from resource_service.pins.lock_file import read_lock, write_lock
from tests.cli.command import doorward

pytestmark = pytest.mark.requirement("GW-4")
NOTE = {"name": "add_note", "description": "Add a note."}
EVIL = NOTE | {"description": "Add a \u202enote."}
FETCH = {"name": "fetch", "description": "[bold]Fetch[/bold] a page."}


def pins(*tools: dict[str, str], instructions: str | None = None) -> Pins:
    kind = DefinitionKind.TOOL
    return Pins(instructions=instructions).with_kind(kind, definitions_in(kind, tools))


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text("scopes: {}\ndefault: []\npin: strict\n")
    write_lock(tmp_path / "policy.lock", pins(NOTE, instructions="Be brief."))
    write_lock(tmp_path / "policy.held", pins(EVIL, FETCH, instructions="Be long."))
    return tmp_path / "policy.yaml"


def test_diff_shows_every_word_and_every_invisible_character(policy: Path) -> None:
    done = doorward("tools", "diff", "policy.yaml", cwd=policy.parent)
    assert (done.returncode, done.stdout.splitlines()) == (
        1,
        [
            "tools: add_note (changed)",
            "  /description: Add a {+\\u202e+}note.",
            "tools: fetch (new)",
            "  /description: {+[bold]Fetch[/bold] a page.+}",
            "  /name: {+fetch+}",
            "instructions (changed)",
            "  text: Be [-brief-]{+long+}.",
        ],
    )
    assert "3 held" in done.stderr


def test_diff_is_json_for_programs(policy: Path) -> None:
    listed = json.loads(doorward("tools", "diff", "policy.yaml", "--json", cwd=policy.parent).stdout)
    assert listed[0] == {"kind": "tools", "name": "add_note", "approved": NOTE, "held": EVIL}
    assert listed[1]["approved"] is None


def test_approve_moves_what_is_named_and_leaves_the_rest_held(policy: Path) -> None:
    done = doorward("tools", "approve", "policy.yaml", "fetch", "instructions", cwd=policy.parent)
    assert (done.returncode, done.stdout) == (
        0,
        "approved tools: fetch (new)\napproved instructions (changed)\n",
    )
    assert read_lock(policy.with_suffix(".lock")) == pins(NOTE, FETCH, instructions="Be long.")
    assert doorward("tools", "diff", "policy.yaml", cwd=policy.parent).stdout.startswith(
        "tools: add_note (changed)"
    )
    assert doorward("tools", "approve", "policy.yaml", "--all", cwd=policy.parent).returncode == 0
    done = doorward("tools", "diff", "policy.yaml", cwd=policy.parent)
    assert (done.returncode, done.stdout) == (0, "Nothing is held.\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [((), "name what to approve, or use --all"), (("a", "--all"), "name what"), (("rm",), "rm is not held")],
)
def test_approve_needs_names_of_what_is_held(arguments: tuple[str, ...], says: str, policy: Path) -> None:
    done = doorward("tools", "approve", "policy.yaml", *arguments, cwd=policy.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert read_lock(policy.with_suffix(".lock")) == pins(NOTE, instructions="Be brief.")


def test_a_lock_file_that_is_none_is_named(policy: Path) -> None:
    policy.with_suffix(".lock").write_text("{")
    done = doorward("tools", "diff", "policy.yaml", cwd=policy.parent)
    assert (done.returncode, done.stderr) == (2, "doorward: policy.lock: the file is not JSON\n")
