"""The commands, URLs and files in the README exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from auth_service.main import DEMO_PASSWORD
from auth_service.protocol.access import DEMO_USERNAME
from tests.cli.command import ROOT, doorward

README = (ROOT / "README.md").read_text()

TARGETS = sorted(set(re.findall(r"\bmake ([a-z]+)\b(?=`|$| +#)", README, re.MULTILINE)))
COMMANDS = sorted(set(re.findall(r"\bdoorward ([a-z]+(?: [a-z]+)*(?: --[a-z-]+)?)", README)))
LINKS = sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)", README)))


def test_the_two_commands_are_there() -> None:
    assert {"run", "test"} <= set(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_make_knows_what_the_readme_makes(target: str) -> None:
    plan = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert plan.returncode == 0, plan.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_line_knows_what_the_readme_types(command: str, tmp_path: Path) -> None:
    words = command.split()
    options = [word for word in words if word.startswith("--")]
    help_text = doorward(
        *(word for word in words if word not in options), "--help", cwd=tmp_path, COLUMNS="200"
    )
    assert help_text.returncode == 0, help_text.stderr
    assert [option for option in options if option not in help_text.stdout] == []


@pytest.mark.parametrize("link", LINKS)
def test_what_the_readme_points_at_is_there(link: str) -> None:
    assert (ROOT / link).exists()


def test_the_login_and_the_address_are_those_of_the_command(tmp_path: Path) -> None:
    usage = doorward("up", "--help", cwd=tmp_path, COLUMNS="200").stdout
    assert f"`{DEMO_USERNAME}` with the password `{DEMO_PASSWORD}`" in README
    [port] = set(re.findall(r"http://localhost:(\d+)/mcp", README))
    assert re.search(rf"--resource-port .*\[default: {port}\b", usage)
