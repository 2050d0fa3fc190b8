"""The examples of docs/how-to/gateway.md do what they say, run as they are."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.gateway.exchange import MESSAGE, PING, results
from tests.gateway.upstreams import ROOT, Upstream, called, connected, gateway, python_upstream
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, token_for

EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Upstream]:
    with python_upstream(EXAMPLES / "upstream.py", tmp_path) as upstream:
        yield upstream


@pytest.mark.anyio
@pytest.mark.requirement("RS-5")
async def test_the_example_server_greets_the_logged_in_user(
    example: Upstream, issuer: AuthorizationServer, tmp_path: Path
) -> None:
    with gateway(issuer, tmp_path, example.url) as service:
        token = token_for(service, issuer, username="Jürgen ☃")
        async with connected(service.resource, token) as client:
            assert await called(client, "hello") == "Hello Jürgen ☃"


@pytest.mark.requirement("RS-5")
def test_the_example_verifies_what_the_gateway_says_and_nothing_else(
    client: httpx2.Client, scripted: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    upstream.replies["/mcp"] = results()
    client.post("/mcp", headers=bearer(token_for(scripted, issuer)) | MESSAGE, json=PING)
    identity = upstream.questions[0].headers["x-doorward-identity"]

    def verified(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(EXAMPLES / "verify_identity.py"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    good = verified(scripted.resource, f"{upstream.url}/mcp", identity)
    assert good.returncode == 0, good.stderr
    claims = json.loads(good.stdout)
    assert (claims["sub"], claims["client_id"]) == ("user-1", "client-1")
    assert claims["preferred_username"] == "wesen"
    for arguments in (
        (scripted.resource, "http://another.example/mcp", identity),
        (scripted.resource, f"{upstream.url}/mcp", identity[:-4] + "AAAA"),
    ):
        refused = verified(*arguments)
        assert refused.returncode != 0
        assert "Invalid" in refused.stderr
