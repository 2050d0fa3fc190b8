"""Every shell command in the guides is parsed by the program, run by a test, or in `NOT_RUN`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.main import get_command

from shared.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *sorted(DOCS.glob("tutorial/*.md")),
    *sorted(DOCS.glob("how-to/**/*.md")),
    DOCS / "reference" / "doctor.md",
]

RUN_BY = {
    r"make run": "tests/cli/test_up.py",
    r"make init": "tests/cli/test_init.py",
    r"docker compose (up|exec|logs)": "tests/compose/test_stack.py",
    r"docker (build|run) ": "tests/compose/test_images.py",
    r"\.venv/bin/python docs/examples/(call_tool|upstream)\.py": "tests/e2e/test_tutorial.py",
    r"npx @modelcontextprotocol/inspector@latest ": "tests/interop/test_clients.py",
    r"(uvx|pipx|python3 -m venv|venv/bin/pip install|/opt/doorward/bin/pip install d|pip install d)": (
        "tests/scripts/test_dist.py"
    ),
    r"helm install ": "tests/deploy/test_charts.py",
    r"(echo DOORWARD_\w+=\S+ >>|set -a; \. |export DOORWARD_\w+_FILE=)": "tests/deploy/test_vm_guide.py",
}
"""The test that runs the commands with a beginning, perhaps with other ports and files."""
NOT_RUN = {
    r"make (test|quick)": "they are the test run",
    r"claude mcp add ": "a program that needs an account",
    r"code --add-mcp ": "a desktop program",
    r"cloudflared tunnel ": "needs the internet",
    r"kubectl ": "needs a cluster",
    r"apt-get install ": "changes the machine",
    r"(systemctl|journalctl) ": "needs systemd as the first process; the units' commands are run without it",
    r"cp deploy/systemd/": "changes the machine",
    r"/opt/doorward/bin/pip install --upgrade ": "needs a second release",
    r"umask ": "a builtin of the shell",
}
"""The reason why no test runs the commands with a beginning."""
# Fenced blocks contain configuration, programs and responses, not commands.
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^\n|\A)((?: {4,}.*\n)+)", re.MULTILINE)
_NOT_A_COMMAND = re.compile(
    r"[A-Z_]+='?\S.*$|[{\"'│├]|https?://|\w+ = |from \w|\w+(,\w+)*$|ada,|server\.run|MCP client|#"
)
_SETTINGS = re.compile(r"\A(?:[A-Z_]+=(?:\"[^\"]*\"|\S*) +)+(?=\S)")
_DOORWARD = re.compile(r"(?:^|\| )(?:\S*/)?doorward(?= )(?! =)")


class Line(NamedTuple):
    """A line of an indented block."""

    page: str
    text: str


def lines() -> Iterator[Line]:
    for page in PAGES:
        for block in _INDENTED.findall(_FENCED.sub("", page.read_text())):
            for text in block.replace("\\\n", " ").splitlines():
                yield Line(page.name, " ".join(text.split("  #")[0].split()))


def is_command(text: str) -> bool:
    return bool(rule_of(text) or arguments_of(text))


def rule_of(text: str) -> str | None:
    bare = _SETTINGS.sub("", text)
    return next((rule for rule in [*NOT_RUN, *RUN_BY] if re.match(rule, bare)), None)


def arguments_of(text: str) -> list[str]:
    """Return the arguments of the `doorward` command in a line; empty if there is none."""
    bare = _SETTINGS.sub("", text)
    match = _DOORWARD.search(bare)
    if not match or not re.match(r"\S*doorward|docker|echo|kubectl|uvx", bare):
        return []
    arguments = shlex.split(bare[match.end() :])
    redirected = next((place for place, word in enumerate(arguments) if word in ("<", ">")), None)
    return arguments[:redirected]


def with_arguments() -> list[Line]:
    return [line for line in dict.fromkeys(lines()) if arguments_of(line.text)]


@cache
def root() -> Any:
    program: Any = get_command(app)  # typer does not export its type
    program.load_all()
    return program


@pytest.mark.parametrize("line", with_arguments(), ids=str)
def test_the_program_parses_the_command(line: Line) -> None:
    command = root()
    # In the reference, an explanation follows the command.
    arguments = arguments_of(re.split(r" (?:also|judge|print) ", line.text)[0])
    while hasattr(command, "commands"):
        command = command.commands[arguments.pop(0)]
    command.make_context("doorward", arguments)


def test_every_line_is_a_command_with_a_rule_or_no_command() -> None:
    unknown = [line for line in lines() if not is_command(line.text) and not _NOT_A_COMMAND.match(line.text)]
    assert unknown == []


def test_every_rule_is_used_and_every_test_exists() -> None:
    used = {rule_of(line.text) for line in lines()}
    assert {*RUN_BY, *NOT_RUN} - used == set()
    assert [test for test in RUN_BY.values() if not (ROOT / test).is_file()] == []
