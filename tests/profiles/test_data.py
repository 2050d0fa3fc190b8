"""The files of the profiles say what they mean, and no client that is asked for is left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.profiles.checks import CHECKS
from tests.profiles.profile import DATA, PROFILES, load

ROWS = {
    *("claude.ai, Desktop, mobile", "Claude Code", "ChatGPT", "Codex CLI", "Cursor", "VS Code", "Gemini CLI"),
    *("mcp-remote", "MCP Inspector", "Goose", "TypeScript SDK", "Python SDK"),
}
"""The names in the table of clients in the requirements."""


def test_every_client_of_the_table_has_a_file() -> None:
    assert {profile.row for profile in PROFILES.values()} - {None} == ROWS


def test_every_check_is_made_by_somebody() -> None:
    assert {name for profile in PROFILES.values() for name in profile.checks} == CHECKS.keys()


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ('name = "x"', "authorization"),
        ('name = "x"\nreduces = 1\n[authorization]\nredirect_uri = "https://c.example/"', "reduces"),
        ('name = "x"\n[authorization]\nredirect_uri = "https://c.example/"', "a document, a registration"),
        (
            'name = "x"\nchecks = ["nothing"]\n[registration.body]\n[authorization]\nredirect_uri = "x:y"',
            "no checks called",
        ),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(wrong: str, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(wrong)
    with pytest.raises(ValidationError, match=complaint):
        load(file)


def test_files_are_named_as_their_tests_are() -> None:
    assert sorted(path.name for path in DATA.iterdir()) == [f"{name}.toml" for name in PROFILES]
