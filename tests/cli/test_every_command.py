"""Every command has a row in the reference, and asks before a change that cannot be undone (OP-6)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from shared.cli.commands import leaves
from shared.cli.console import CommandError, confirm, print_table
from shared.cli.main import app, main
from tests.cli.command import ROOT

pytestmark = pytest.mark.requirement("OP-6")

REFERENCE = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
ROWS = {
    name: (asks, as_json)
    for name, asks, as_json in re.findall(
        r"^\| `doorward ([a-z -]+)` \| (asks|) \| (`--json`|) \|", REFERENCE, re.MULTILINE
    )
}
ASK_WITH = {
    "access edit": ["--help"],  # needs an editor; asks like `access set`
    "access set": ["access.yaml"],
    "apply": ["doorward.yaml"],
    "clients remove": ["x"],
    "tools approve": ["policy.yaml", "--all"],
    "upgrade confirm": [],
    "users delete": ["ada"],
    "users disconnect": ["ada", "x"],
    "users import": ["people.csv"],
    "users reset": ["ada", "--lock"],
    "users reset-factors": ["ada"],
}


def options() -> Iterator[tuple[str, list[str]]]:
    for path, command in leaves(get_command(app)):
        yield " ".join(path), [option for each in command.params for option in each.opts]


def test_the_reference_has_a_row_for_every_command() -> None:
    assert {
        name: ("asks" * ("--yes" in listed), "`--json`" * ("--json" in listed)) for name, listed in options()
    } == ROWS


def test_the_list_of_questions_is_complete() -> None:
    assert {name for name, listed in options() if "--yes" in listed} == ASK_WITH.keys()


@pytest.mark.parametrize("name", [name for name in ASK_WITH if name.startswith(("clients", "users"))])
def test_without_a_terminal_nothing_is_removed_unless_yes_is_an_option(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(SystemExit) as ended:
        main([*name.split(), *ASK_WITH[name]])
    errors = capsys.readouterr().err
    assert ended.value.code == 2
    assert "nothing was changed: without a terminal, --yes must answer: " in errors or name == "users import"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "error"), [("y\n", None), ("n\n", "nothing"), ("\n", "nothing")])
def test_a_question_on_a_terminal_is_answered_there(
    answer: str, error: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    if error is None:
        confirm("Remove it?", yes=False)
        return
    with pytest.raises(CommandError, match=error):
        confirm("Remove it?", yes=False)


def test_tables_are_aligned_on_a_terminal_and_separated_by_tabs_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [("ada", "日本"), ("bob\x1b[2J", "-")]
    print_table(("NAME", "ABOUT"), rows)
    assert capsys.readouterr().out == "NAME\tABOUT\nada\t日本\nbob\\u001b[2J\t-\n"
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    print_table(("NAME", "ABOUT"), rows)
    assert terminal.getvalue() == "NAME          ABOUT\nada           日本\nbob\\u001b[2J  -\n"
