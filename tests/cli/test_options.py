"""Options of every command: the version, and help by its short name."""

from __future__ import annotations

import pytest

from shared.cli.main import main
from shared.version import VERSION


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--version"], f"doorward {VERSION}\n"),
        (["-h"], "Usage: doorward"),
        (["--help"], "in front of MCP servers"),
        (["users", "-h"], "Usage: doorward users"),
        (["users", "list", "-h"], "Usage: doorward users list"),
    ],
)
def test_the_version_and_help_are_printed(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code in (0, None)
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize(
    ("shell", "environment", "expected"),
    [
        ("bash", {"COMP_WORDS": "doorward clients ro", "COMP_CWORD": "2"}, "rotate"),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "doorward clients ro"}, "rotate"),
        (
            "fish",
            {"_TYPER_COMPLETE_ARGS": "doorward clients ro", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
            "rotate",
        ),
    ],
)
def test_a_shell_completes_commands(
    shell: str,
    environment: dict[str, str],
    expected: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("_DOORWARD_COMPLETE", f"complete_{shell}")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        main([])
    assert expected in capsys.readouterr().out
