"""Real clients of two MCP servers behind one URL (GW-3). Their token is added on the way."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from tests.e2e.joined import Joined, joined_on
from tests.gateway.token_proxy import adding_token
from tests.gateway.upstreams import PATIENCE, forked_stdio
from tests.interop.browser import Browser
from tests.interop.clients import Inspector, RealClient, Scripted, TypeScriptSdk1, TypeScriptSdk2
from tests.machine import require
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import running, token_for
from tests.servers import wait_until

pytestmark = pytest.mark.xdist_group("interop")
WITHIN_S = 1.0


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


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    """Both services with two notebooks behind one URL."""
    require("node")
    with joined_on("sqlite", tmp_path_factory.mktemp("notebooks")) as joined:
        yield joined


@pytest.mark.requirement("GW-3", "ID-7")
@pytest.mark.parametrize("kind", [TypeScriptSdk1, TypeScriptSdk2])
def test_a_client_that_has_logged_in_loses_the_mount_that_is_disconnected_and_no_other(
    kind: type[Scripted], joined: Joined, browser: Browser, tmp_path: Path
) -> None:
    note, issuer = tmp_path / "note", joined.deployment.issuer
    with kind(joined.url, tmp_path, browser) as client:
        assert client.call("two_count", to=1) == {"result": "two counted"}
        browser.visits(1)
        client.begin("one_wait", note=str(note))
        wait_until(note.exists)
        account = browser.person.open(f"{issuer}/account").text
        (link,) = re.findall(r'href="(account\?action=disconnect_mount&amp;[^"]+mount=one)"', account)
        page = browser.person.open(f"{issuer}/{unescape(link)}")
        begun = time.monotonic()
        browser.person.submit(page, {})
        answer = client.result()
        assert time.monotonic() - begun < WITHIN_S
        assert "allows less than before" in answer["error"]
        assert client.call("two_count", to=1) == {"result": "two counted"}
        assert {name.partition("_")[0] for name in client.tools()} == {"two"}
        browser.visits(1)


@pytest.mark.requirement("GW-3")
@pytest.mark.parametrize("kind", [TypeScriptSdk1, TypeScriptSdk2, Inspector])
def test_a_client_uses_the_tools_of_both_servers(
    kind: type[RealClient], joined_url: str, browser: Browser, tmp_path: Path
) -> None:
    with kind(joined_url, tmp_path, browser) as client:
        assert client.call("sums_add", a=1, b=2) == {"result": 3}
        assert client.call("notes_count", to=1) == {"result": "notes counted"}
