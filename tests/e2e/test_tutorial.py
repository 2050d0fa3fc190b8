"""The commands of the tutorial work, and the tutorial contains no others."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import READY, ROOT, doorward, environment, up
from tests.gateway.upstreams import python_upstream

EXAMPLES = ROOT / "docs" / "examples"
TUTORIAL = (ROOT / "docs" / "tutorial" / "first-connection.md").read_text()
COMMANDS = re.findall(r"^    (?!\{)(.+)$", TUTORIAL, re.MULTILINE)

UPSTREAM = "http://127.0.0.1:3000/mcp"
MCP_URL = "http://localhost:9001/mcp"

BROWSER = """
import sys
from urllib.parse import parse_qs, urlencode, urlsplit
import httpx2
from tests.flow import Person
[redirect_uri] = parse_qs(urlsplit(sys.argv[1]).query)["redirect_uri"]
answer = Person(trust_env=False).authorize(sys.argv[1])
httpx2.get(f"{redirect_uri}?{urlencode(answer)}", trust_env=False)
"""


def called(url: str, tool: str, directory: Path) -> str:
    """Run the client of the tutorial with a browser in which the demo user logs in. Return what it prints."""
    (browser := directory / "browser.py").write_text(BROWSER)
    command = shlex.join([sys.executable, str(browser), "%s"])
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "call_tool.py"), url, tool],
        env=environment(BROWSER=command, PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_tutorial_contains_only_commands_that_are_tested() -> None:
    client = ".venv/bin/python docs/examples/call_tool.py"
    expected = [
        "make run",
        f"{client} {MCP_URL} whoami",
        ".venv/bin/python docs/examples/upstream.py",
        f"DOORWARD_UPSTREAM={UPSTREAM} make run",
        f"{client} {MCP_URL} hello",
        f".venv/bin/doorward policy draft {UPSTREAM} --output policy.yaml",
        ".venv/bin/doorward policy check policy.yaml",
        f"DOORWARD_POLICY=policy.yaml DOORWARD_UPSTREAM={UPSTREAM} make run",
    ]
    assert expected == COMMANDS


@pytest.mark.long
def test_the_client_of_the_tutorial_logs_in_and_calls_the_built_in_tool(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        assert READY in running.output
        printed = called(f"http://localhost:{running.resource_port}/mcp", "whoami", tmp_path)
    assert "'username': 'wesen'" in printed
    assert "'scopes': ['notes:read', 'notes:write', 'offline_access']" in printed


@pytest.mark.long
def test_the_server_of_the_tutorial_is_protected_with_the_drafted_policy(tmp_path: Path) -> None:
    with python_upstream(EXAMPLES / "upstream.py", tmp_path) as upstream:
        drafted = doorward("policy", "draft", upstream.url, "--output", "policy.yaml", cwd=tmp_path)
        assert drafted.returncode == 0, drafted.stderr
        checked = doorward("policy", "check", "policy.yaml", cwd=tmp_path)
        assert "example:write" in checked.stdout
        settings = {"DOORWARD_UPSTREAM": upstream.url, "DOORWARD_POLICY": "policy.yaml"}
        with up(tmp_path, **settings) as running:
            printed = called(f"http://localhost:{running.resource_port}/mcp", "hello", tmp_path)
    assert "Hello wesen" in printed
