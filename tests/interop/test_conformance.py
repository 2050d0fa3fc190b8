"""The MCP conformance suite's tests of an authorization server, against `doorward up`.

They are played with a public client. The suite (0.2.0-alpha.12, `selectTokenAuthMethod`) shows a secret
to no server that also lists `none`, as one with public clients must; such a request is refused here.
"""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.auth_service.service import machine
from tests.cli.command import Up
from tests.flow import Client
from tests.interop.browser import Browser
from tests.interop.toolbox import node, node_modules
from tests.servers import free_port

pytestmark = pytest.mark.xdist_group("interop")

SCENARIOS = {
    "authorization-server-metadata-endpoint": [
        "authorization-server-metadata",
        "authorization-server-metadata-cimd",
    ],
    "authorization-code-grant": ["authorization-code-grant"],
}
"""Scenario to its checks. One that the suite comes to add is not to go unnoticed."""


@pytest.mark.requirement("AS-1", "AS-2", "AS-3", "AS-4", "AS-8", "AS-14")
@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_every_check_of_the_conformance_suite_passes(
    revision: str, running: Up, browser: Browser, tmp_path: Path
) -> None:
    port = free_port()
    with machine() as http:
        redirect_uris = [f"http://127.0.0.1:{port}/callback"]
        client = Client.register(running.issuer, http, redirect_uris=redirect_uris)
    arguments = ["--client-id", client.client_id, "--port", str(port), "--spec-version", revision]
    arguments += ["--resource", f"http://localhost:{running.resource_port}/mcp"]
    output = authorization_mode(running.issuer, browser, tmp_path / "results", *arguments)
    assert {name: [check["id"] for check in checks] for name, checks in output.items()} == SCENARIOS
    verdicts = {check["id"]: check["status"] for checks in output.values() for check in checks}
    assert set(verdicts.values()) == {"SUCCESS"}, output


def authorization_mode(
    issuer: str, browser: Browser, results: Path, *arguments: str
) -> dict[str, list[dict[str, Any]]]:
    """Run the suite against an authorization server; each scenario with the checks that it made."""
    suite = node_modules() / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    command = [str(node()), str(suite), "authorization", "--url", issuer, "--output-dir", str(results)]
    process = subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    deadline = threading.Timer(60, process.kill)
    deadline.start()
    assert process.stdout
    output = []
    for line in process.stdout:
        output.append(line)
        if line.startswith(f"{issuer}/authorize?"):
            browser.visit(line.strip())
    process.stdout.close()
    assert process.wait() == 0, "".join(output)
    deadline.cancel()
    check_files = sorted(results.rglob("checks.json"))
    return {_scenario(file): json.loads(file.read_text()) for file in check_files}


def _scenario(file: Path) -> str:
    return next(name for name in SCENARIOS if name in file.parent.name)
