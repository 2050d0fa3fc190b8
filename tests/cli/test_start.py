"""Modules that a command imports before its work: none of other commands, and none that is heavy (OP-6)."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from shared.cli.commands import COMMANDS
from shared.cli.main import app
from tests.cli.command import ROOT, doorward, environment
from tests.servers import free_port

pytestmark = pytest.mark.requirement("OP-6")

PROGRAM = """
import asyncio, contextlib, io, os, sys, tempfile
from shared.cli.main import main

def run(*arguments, name=None):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        main(arguments)
    print(name or " ".join(arguments), *sys.modules, sep="|")

def complete(words):
    position = str(len(words.split()) - 1)
    os.environ.update(_DOORWARD_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=position)
    run(name=words)
    del os.environ["_DOORWARD_COMPLETE"]

run("--version")
complete("doorward us")
run("-h")
run("users", "-h")
complete("doorward users add --a")

async def start(*arguments, **options):
    raise SystemExit

asyncio.create_subprocess_exec = start
with tempfile.TemporaryDirectory() as folder:
    run("up", "--auth-port", sys.argv[1], "--resource-port", sys.argv[2], "--data-dir", folder, name="up")
run("health", "http://[::1]:1/")
"""
OF_THE_PROGRAM = {
    "shared.cli",
    "shared.cli.commands",
    "shared.cli.console",
    "shared.cli.main",
    "shared.setting_files",
    "shared.setting_names",
    "shared.version",
}
HEAVY = (
    "auth_service",
    "resource_service",
    "cryptography",
    "httpx2",
    "pydantic_settings",
    "structlog",
    "uvicorn",
)


@pytest.fixture(scope="module")
def imported() -> dict[str, frozenset[str]]:
    """The modules in a process that has run commands in this order, after each, by its arguments."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, str(free_port()), str(free_port())],
        cwd=ROOT,
        env=environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = (line.split("|") for line in done.stdout.splitlines())
    return {arguments: frozenset(modules) for arguments, *modules in lines}


@pytest.mark.parametrize(
    "arguments",
    ["--version", "-h", "doorward us", "users -h", "doorward users add --a", "health http://[::1]:1/", "up"],
)
def test_no_heavy_module_is_imported(arguments: str, imported: dict[str, frozenset[str]]) -> None:
    packages = {module.partition(".")[0] for module in imported[arguments]}
    assert packages.intersection(HEAVY) == set()


@pytest.mark.parametrize("arguments", ["--version", "-h", "doorward us"])
def test_version_help_and_completion_import_no_command(
    arguments: str, imported: dict[str, frozenset[str]]
) -> None:
    assert {module for module in imported[arguments] if module.startswith("shared.")} == OF_THE_PROGRAM


@pytest.mark.parametrize(
    "arguments", ["--version", "-h", "doorward us", "users -h", "doorward users add --a"]
)
def test_help_and_completion_import_neither_rich_nor_pydantic(
    arguments: str, imported: dict[str, frozenset[str]]
) -> None:
    assert imported[arguments].isdisjoint({"rich", "pydantic"})


def test_up_starts_the_services_before_it_imports_the_rest(imported: dict[str, frozenset[str]]) -> None:
    assert "shared.cli.supervise" in imported["up"]
    meanwhile = {"rich", "pydantic_settings", "shared.cli.settings", "shared.cli.set_up.server"}
    assert imported["up"] & meanwhile == set()


def test_help_lists_commands_with_their_whole_first_paragraph(tmp_path: Path) -> None:
    printed = " ".join(doorward("-h", cwd=tmp_path).stdout.split())
    assert [entry.name for entry in COMMANDS if f"{entry.name} {entry.help}" not in printed] == []
    inner = " ".join(doorward("users", "-h", cwd=tmp_path).stdout.split())
    assert "Create an account; the password is prompted for, or read from standard input." in inner


@pytest.mark.parametrize(
    ("words", "completions"),
    [("us", ["users"]), ("users im", ["import"]), ("users add --a", ["--admin"]), ("keys r", ["rotate"])],
)
def test_commands_and_options_are_completed(words: str, completions: list[str], tmp_path: Path) -> None:
    typed = {"COMP_WORDS": f"doorward {words}", "COMP_CWORD": str(len(words.split()))}
    done = doorward(cwd=tmp_path, _DOORWARD_COMPLETE="complete_bash", **typed)
    assert done.stdout.split() == completions


def test_a_command_imports_no_other(imported: dict[str, frozenset[str]]) -> None:
    others = {f"shared.cli.{entry.module}" for entry in COMMANDS} - {"shared.cli.health", "shared.cli.users"}
    assert imported["users -h"].isdisjoint(others)


def test_the_table_has_the_first_paragraph_of_the_help_of_each_command() -> None:
    program: Any = get_command(app)
    stubs = {name: command.help for name, command in program.commands.items()}
    program.load_all()
    first = {name: inspect.cleandoc(each.help).split("\n\n")[0] for name, each in program.commands.items()}
    assert stubs == {name: " ".join(text.split()) for name, text in first.items()}
