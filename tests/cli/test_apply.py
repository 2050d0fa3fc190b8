"""`doorward export` and `doorward apply`, against a real store."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from shared.storage import open_store
from tests.cli.command import doorward

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-12")]

SECRET = "the-secret-of-the-nightly-job-0123456789"
TEXT = """\
people:
  entries:
    ada: {name: Ada, email: ada@corp.example, admin: true}
groups:
  entries:
    ops: [ada]
clients:
  entries:
    nightly: {grant_types: [client_credentials], secret: "%s"}
"""


class Commands:
    """Commands on one store, in a directory with the files that they read."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.url = f"sqlite:///{directory}/store.db"
        self.file = directory / "doorward.yaml"

    def __call__(self, *arguments: str, stdin: str = "", **settings: str) -> CompletedProcess[str]:
        return doorward(*arguments, cwd=self.directory, stdin=stdin, DOORWARD_STORE=self.url, **settings)


@pytest.fixture
async def run(tmp_path: Path) -> Commands:
    commands = Commands(tmp_path)
    await open_store(commands.url).aclose()
    return commands


async def test_a_file_is_shown_applied_and_exported(run: Commands) -> None:
    run.file.write_text(TEXT % "env:NIGHTLY")
    check = run("apply", "doorward.yaml", "--check", NIGHTLY=SECRET)
    assert (check.returncode, check.stderr) == (1, "")
    assert check.stdout.splitlines()[:3] == ["+ people ada", "    name: Ada", "    email: ada@corp.example"]
    refused = run("apply", "doorward.yaml", stdin="y\n", NIGHTLY=SECRET)
    assert (refused.returncode, "nothing was changed" in refused.stderr) == (2, True)
    assert len(run("users", "list").stdout.splitlines()) == 1
    done = run("apply", "doorward.yaml", "--yes", NIGHTLY=SECRET)
    assert (done.returncode, done.stdout.endswith("Applied 3 changes\n")) == (0, True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["event"], line["section"], line["name"]) for line in lines] == [
        ("configuration changed", "people", "ada"),
        ("configuration changed", "groups", "ops"),
        ("configuration changed", "clients", "nightly"),
    ]
    exports = [run("export").stdout, run("export", "--with-password-hashes").stdout]
    assert SECRET not in "".join([done.stdout, done.stderr, *exports])
    for text in (TEXT % "env:NIGHTLY", *exports):
        run.file.write_text(text)
        again = run("apply", "doorward.yaml", "--check", NIGHTLY=SECRET)
        assert (again.returncode, again.stdout) == (0, "Nothing to do\n"), again.stderr


async def test_a_secret_is_read_from_a_file_and_a_missing_one_is_named(run: Commands) -> None:
    (run.directory / "secret").write_text(f"{SECRET}\n")
    run.file.write_text(TEXT % "file:secret")
    assert run("apply", "doorward.yaml", "--yes").returncode == 0
    for reference, says in {
        "env:NIGHTLY": "the environment variable NIGHTLY is not set",
        "file:missing": "missing cannot be read",
        "file:/dev/zero": "/dev/zero is larger than",
        SECRET: "not the secret itself",
    }.items():
        run.file.write_text(TEXT % reference)
        done = run("apply", "doorward.yaml", "--yes")
        assert (done.returncode, says in done.stderr, SECRET in done.stderr) == (2, True, False), done.stderr


async def test_settings_are_applied_with_the_master_keys_and_exported_without_secrets(run: Commands) -> None:
    run.file.write_text(
        "identity_providers:\n  entries:\n    corp:\n      issuer: https://id.example\n"
        "      client_id: doorward\n      client_secret: env:CORP\n      allow: {domains: [corp.example]}\n"
    )
    refused = run("apply", "doorward.yaml", "--yes", CORP=SECRET)
    assert (refused.returncode, "DOORWARD_MASTER_KEYS is needed" in refused.stderr) == (2, True)
    keys = {"CORP": SECRET, "DOORWARD_MASTER_KEYS": f"1:{'A' * 43}="}
    done = run("apply", "doorward.yaml", "--yes", **keys)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "+ identity_providers corp"), done.stderr
    export = run("export").stdout
    assert "client_secret: env:CORP" in export
    assert SECRET not in done.stdout + done.stderr + export
    run.file.write_text(export)
    assert run("apply", "doorward.yaml", "--check", **keys).stdout == "Nothing to do\n"
    bad = run("apply", "doorward.yaml", "--check", **{**keys, "DOORWARD_MASTER_KEYS": "1:short"})
    assert (bad.returncode, "DOORWARD_MASTER_KEYS" in bad.stderr) == (2, True)


async def test_all_problems_are_one_sentence_and_change_nothing(run: Commands) -> None:
    run.file.write_text("people: {entries: {ada: {emial: x}}}\ngroup: {}\n")
    done = run("apply", "doorward.yaml", "--yes")
    assert (done.returncode, done.stdout) == (2, "")
    assert "people.entries.ada.emial: there is no such key; did you mean email?" in done.stderr
    assert "line 2: group: there is no such key; did you mean groups?" in done.stderr


async def test_the_schema_is_printed_without_a_store(tmp_path: Path) -> None:
    done = doorward("apply", "--schema", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["additionalProperties"] is False
