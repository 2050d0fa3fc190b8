"""Real clients of two MCP servers behind one URL (GW-3). Their token is added on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.token_proxy import adding_token
from tests.gateway.upstreams import PATIENCE, forked_stdio
from tests.interop.browser import Browser
from tests.interop.clients import Inspector, RealClient, TypeScriptSdk1, TypeScriptSdk2
from tests.machine import require
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import running, token_for

pytestmark = pytest.mark.xdist_group("interop")


@pytest.fixture(scope="module")
def joined_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The joined URL of a server that adds numbers and one that counts, without authentication."""
    require("node")
    mounts = {
        "/sums": forked_stdio("tests.gateway.servers.plain"),
        "/notes": forked_stdio("tests.gateway.servers.notebook", "notes"),
    }
    issuer = AuthorizationServer().start()
    directory = tmp_path_factory.mktemp("joined")
    with running(issuer, directory, mounts=json.dumps(mounts), join="true", **PATIENCE) as service:
        port = int(service.origin.rpartition(":")[2])
        with adding_token(port, token_for(service, issuer, scope="sums notes")) as proxy:
            yield f"http://127.0.0.1:{proxy}/mcp"
    issuer.stop()


@pytest.mark.requirement("GW-3")
@pytest.mark.parametrize("kind", [TypeScriptSdk1, TypeScriptSdk2, Inspector])
def test_a_client_uses_the_tools_of_both_servers(
    kind: type[RealClient], joined_url: str, browser: Browser, tmp_path: Path
) -> None:
    with kind(joined_url, tmp_path, browser) as client:
        assert client.call("sums_add", a=1, b=2) == {"result": 3}
        assert client.call("notes_count", to=1) == {"result": "notes counted"}
