"""`doorward policy draft` against real servers, and against URLs without one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from resource_service.policy.file import parse_policy, read_policy
from tests.cli.command import doorward
from tests.gateway.ledger import MODULE
from tests.gateway.upstreams import ROOT, Upstream, python_upstream
from tests.resource_service.authorization_server import AuthorizationServer, answer

pytestmark = pytest.mark.requirement("RS-4")


def drafted(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return doorward("policy", "draft", *arguments, cwd=cwd)


def test_a_draft_over_stdio_and_over_http_is_the_same_and_can_be_in_force(tmp_path: Path) -> None:
    command = f"/usr/bin/env PYTHONPATH={ROOT} {sys.executable} -m {MODULE} {tmp_path}/ledger"
    over_stdio = drafted("--stdio", command, "-o", "policy.yaml", cwd=tmp_path)
    assert (over_stdio.returncode, over_stdio.stderr) == (0, "")
    with python_upstream(MODULE, tmp_path, arguments=(str(tmp_path / "ledger"),)) as upstream:
        over_http = drafted(upstream.url, cwd=tmp_path)
    assert over_http.returncode == 0, over_http.stderr
    assert over_http.stdout == (tmp_path / "policy.yaml").read_text()
    policy = read_policy(tmp_path / "policy.yaml")
    assert policy == parse_policy(over_http.stdout.encode())
    assert {name: set(scopes) for name, scopes in policy.tools.items()} == {
        "list_notes": {"ledger:read"},
        "add_note": {"ledger:write"},
        "wipe_notes": {"ledger:admin"},
        "archive": {"ledger:write"},
    }
    assert set(policy.resources) == {"notes://all", "keys://all", "notes://one/*", "keys://one/*"}
    assert not (tmp_path / "ledger").exists()  # to be looked at changes nothing
    checked = doorward("policy", "check", "policy.yaml", cwd=tmp_path)
    assert "tools: add_note, archive" in checked.stdout


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path, plain_upstream: Upstream) -> None:
    (tmp_path / "policy.yaml").write_text("mine")
    done = drafted(plain_upstream.url, "-o", "policy.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "policy.yaml already exists and was not changed" in done.stderr
    assert (tmp_path / "policy.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "either the URL"),
        (("http://127.0.0.1:1/mcp", "--stdio", "cat"), "either the URL"),
        (("nowhere",), "a URI must have a scheme"),
        (("ftp://nowhere",), "an upstream must be"),
        (("http://127.0.0.1:1/mcp",), "cannot be inspected"),
        (("--stdio", "/nowhere/at/all"), "cannot be inspected"),
        (("--stdio", "sh -c 'printf \"\\033[2Jbroken\\n\" >&2; exit 1'"), "cannot be inspected"),
    ],
)
def test_an_unusable_server_is_reported_in_one_line(
    arguments: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    done = drafted(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert "\033[2J" not in done.stderr


def test_nonsense_over_http_is_reported_in_one_line(upstream: AuthorizationServer, tmp_path: Path) -> None:
    upstream.replies["*"] = answer(200, b"\x1b[2J<html>", "Content-Type: text/html")
    done = drafted(f"{upstream.url}/mcp", "-o", "policy.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "cannot be inspected" in done.stderr
    assert "\x1b" not in done.stderr.replace("\x1b[0m", "")
    assert not (tmp_path / "policy.yaml").exists()
