"""`doorward access` and `doorward groups`, against a real store."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from shared.storage import open_store
from tests.cli.command import doorward

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-3")]

NOTES = "https://notes.example/mcp"
RULES = (
    f"contact: it@corp.example\ngroups:\n  ops:\n    {NOTES}: [notes:read]\n  okta:admins:\n    '*': '*'\n"
)


class Commands:
    """Commands on one store, in a directory with the files that they read."""

    def __init__(self, url: str, directory: Path) -> None:
        self._url = url
        self.directory = directory

    def __call__(self, *arguments: str, stdin: str = "", **settings: str) -> CompletedProcess[str]:
        return doorward(*arguments, cwd=self.directory, stdin=stdin, DOORWARD_STORE=self._url, **settings)

    def shows(self) -> str:
        """The rules as they are shown."""
        return self("access", "show").stdout


@pytest.fixture
async def run(tmp_path: Path) -> Commands:
    url = f"sqlite:///{tmp_path}/store.db"
    await open_store(url).aclose()
    return Commands(url, tmp_path)


async def test_rules_are_set_after_a_diff_and_shown_as_they_can_be_set(run: Commands) -> None:
    (run.directory / "access.yaml").write_text(RULES)
    assert "no access rules" in run("access", "show").stderr
    done = run("access", "set", "access.yaml", "--yes")
    assert done.returncode == 0, done.stderr
    assert "+contact: it@corp.example" in done.stdout.splitlines()
    output = run.shows()
    assert f"{NOTES}:" in output
    assert "nothing was changed" in run("access", "set", "-", stdin=output).stdout


async def test_without_a_yes_nothing_is_changed(run: Commands) -> None:
    (run.directory / "access.yaml").write_text(RULES)
    done = run("access", "set", "access.yaml", stdin="y\n")
    assert (done.returncode, run.shows()) == (2, "")


async def test_a_file_with_faults_names_them_all_and_changes_nothing(run: Commands) -> None:
    text = "group: {}\ngroups:\n  two words:\n    '*': '*'\npeople:\n  ada:\n    notes: '*'\n"
    (run.directory / "access.yaml").write_text(text)
    done = run("access", "set", "access.yaml", "--yes")
    assert done.returncode == 2
    for message in ("'group' is not a key", "'two words'", "'notes' is not the URL", "nothing was changed"):
        assert message in done.stderr
    (run.directory / "access.yaml").write_text("people: {}\npeople: {}\n")
    assert "line 2: 'people' appears twice" in run("access", "set", "access.yaml", "--yes").stderr
    assert run.shows() == ""


async def test_the_editor_gets_the_rules_and_what_it_leaves_is_set(run: Commands) -> None:
    run("access", "set", "-", stdin=RULES)
    done = run("access", "edit", "--yes", EDITOR="sed -i s/it@corp/help@corp/")
    assert done.returncode == 0, done.stderr
    assert "contact: help@corp.example" in run.shows()
    assert run("access", "edit", EDITOR="false").returncode == 2


async def test_the_rules_of_a_new_installation_are_shown(run: Commands) -> None:
    output = run("access", "show", DOORWARD_ACCESS="closed").stdout
    assert "administrators:" in output


async def test_members_of_a_group_hold_what_the_rules_give_it(run: Commands) -> None:
    run("access", "set", "-", stdin=RULES)
    run("users", "add", "ada", stdin="seven moss harbours\n")
    assert "ada may hold nothing" in run("access", "check", "ada", NOTES).stdout
    assert run("groups", "add", "ops", "Ada", "eve@corp.example").returncode == 0
    done = run("access", "check", "ada", NOTES).stdout
    assert "ada may hold notes:read" in done
    assert "group ops" in done
    assert run("groups", "list").stdout == "GROUP\tMEMBER\nops\tada\nops\teve@corp.example\n"
    assert run("groups", "list", "ops").stdout == run("groups", "list").stdout
    assert run("groups", "remove", "ops", "ada").returncode == 0
    assert "nothing" in run("access", "check", "ada", NOTES).stdout
    assert run("groups", "remove", "ops", "ada").returncode == 2
    assert run("access", "check", "nobody", NOTES).returncode == 2
