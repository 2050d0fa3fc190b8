"""Real clients of a joined URL with a mount whose account is missing (GW-1, GW-3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from resource_service.connected_accounts.introduction import TOOL
from tests.gateway.accounts import FIRST, Accounts, accepting
from tests.gateway.token_proxy import adding_token
from tests.gateway.upstreams import PATIENCE, forked_stdio
from tests.interop.browser import Browser
from tests.interop.clients import Inspector, TypeScriptSdk1, TypeScriptSdk2
from tests.machine import require
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, running, token_for

pytestmark = pytest.mark.xdist_group("interop")


@dataclass
class Joined:
    """Two servers that need no account, and one that needs one of the person.

    Attributes:
        url: with the access token `token` on the way.
    """

    service: Service
    accounts: Accounts
    token: str
    url: str

    def connect(self) -> None:
        """Connect the account that the third server accepts."""
        self.accounts.connect(self.token, FIRST, at=f"{self.service.origin}/issues")


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    server = AuthorizationServer().start()
    yield Accounts(server)
    server.stop()


@pytest.fixture(scope="module")
def service(accounts: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    require("node")
    issues = AuthorizationServer().start()
    issues.replies["*"] = accepting(FIRST)
    mounts = {
        "/sums": forked_stdio("tests.gateway.servers.plain"),
        "/notes": forked_stdio("tests.gateway.servers.notebook", "notes"),
        "/issues": {"upstream": f"{issues.url}/mcp", "connected_account": True},
    }
    directory = tmp_path_factory.mktemp("joined")
    settings = {"mounts": json.dumps(mounts), "join": "true", **PATIENCE}
    with running(accounts.server, directory, **settings) as service:
        yield service
    issues.stop()


@pytest.fixture
def joined(service: Service, accounts: Accounts, request: pytest.FixtureRequest) -> Iterator[Joined]:
    """With a person of the test's own, who has connected nothing."""
    name = request.node.name
    token = token_for(
        service, accounts.server, scope="sums notes issues", sub=name, grant_id=f"grant of {name}"
    )
    accounts.offer_link(token, at=f"{service.origin}/issues")
    port = int(service.origin.rpartition(":")[2])
    with adding_token(port, token) as proxy:
        yield Joined(service, accounts, token, f"http://127.0.0.1:{proxy}/mcp")


CLIENTS = [TypeScriptSdk1, TypeScriptSdk2, Inspector]


@pytest.mark.requirement("GW-1", "GW-2", "GW-3")
@pytest.mark.parametrize("kind", CLIENTS)
def test_a_client_gets_the_link_for_one_server_and_uses_the_others(
    kind: type[Any], joined: Joined, browser: Browser, tmp_path: Path
) -> None:
    connect = f"issues_{TOOL}"
    with kind(joined.url, tmp_path, browser) as client:
        assert {"sums_add", "notes_count", connect} <= set(client.tools())
        assert joined.accounts.link()["connect_url"] in json.dumps(client.attempt(connect))
        assert client.call("sums_add", a=1, b=2) == {"result": 3}
        joined.connect()
        names = client.tools()
        assert "issues_t" in names
        assert connect not in names
        assert "done" in json.dumps(client.attempt("issues_t"))
