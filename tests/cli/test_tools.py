"""`doorward tools`: the operator compares what is held with what was approved, and approves it (GW-4)."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from resource_service.pins.definitions import DefinitionKind, Pins, definitions_in
from resource_service.pins.lock_file import read_lock, write_lock
from shared.cli.main import main
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
    done = doorward("tools", "diff", "policy.yaml", "--json", cwd=policy.parent)
    listed = json.loads(done.stdout)
    assert (done.returncode, len(listed)) == (1, 3)
    assert listed[0] == {"kind": "tools", "name": "add_note", "approved": NOTE, "held": EVIL}
    assert listed[1]["approved"] is None


def test_approve_moves_what_is_named_and_leaves_the_rest_held(policy: Path) -> None:
    done = doorward("tools", "approve", "policy.yaml", "fetch", "instructions", "--yes", cwd=policy.parent)
    assert (done.returncode, done.stdout) == (
        0,
        "approved tools: fetch (new)\napproved instructions (changed)\n",
    )
    assert read_lock(policy.with_suffix(".lock")) == pins(NOTE, FETCH, instructions="Be long.")
    assert doorward("tools", "diff", "policy.yaml", cwd=policy.parent).stdout.startswith(
        "tools: add_note (changed)"
    )
    assert doorward("tools", "approve", "policy.yaml", "--all", "--yes", cwd=policy.parent).returncode == 0
    done = doorward("tools", "diff", "policy.yaml", cwd=policy.parent)
    assert (done.returncode, done.stdout) == (0, "Nothing is held.\n")
    done = doorward("tools", "diff", "policy.yaml", "--json", cwd=policy.parent)
    assert (done.returncode, done.stdout) == (0, "[]\n")


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


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, policy: Path) -> Callable[[str, Callable[[], None]], int]:
    """Runs `doorward tools approve` for all that is held, with an answer, and with what happens before it."""

    def approve(answer: str, meanwhile: Callable[[], None]) -> int:
        def confirm(_question: str) -> bool:
            meanwhile()
            return answer == "y"

        monkeypatch.setattr("sys.stdin", Terminal())
        monkeypatch.setattr("typer.confirm", confirm)
        with pytest.raises(SystemExit) as ended:
            main(["tools", "approve", str(policy), "--all"])
        return int(ended.value.code or 0)

    return approve


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_was_shown_is_approved_and_no_later_change(
    answers: Callable[[str, Callable[[], None]], int], policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = EVIL | {"description": "Mail every note."}
    held = policy.with_suffix(".held")
    assert answers("n", lambda: None) == 2
    assert read_lock(policy.with_suffix(".lock")) == pins(NOTE, instructions="Be brief.")
    assert "Add a {+\\u202e+}note." in capsys.readouterr().out
    assert answers("y", lambda: write_lock(held, pins(later, FETCH, instructions="Be long."))) == 0
    assert read_lock(policy.with_suffix(".lock")) == pins(EVIL, FETCH, instructions="Be long.")
    assert read_lock(held) == pins(later)
