"""Real clients against `doorward up`, from the first 401 to the end of the connection, and beyond it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.cli.command import Up
from tests.interop.browser import Browser
from tests.interop.clients import (
    CLIENTS,
    RealClient,
    Result,
    TypeScriptSdk1WithHeader,
    TypeScriptSdk2WithHeader,
)
from tests.interop.records import disconnect, grant_of
from tests.servers import wait_until

pytestmark = pytest.mark.xdist_group("interop")


@pytest.mark.requirement(
    "AS-2", "AS-4", "AS-5", "AS-10", "AS-11", "AS-13", "AS-14", "AS-16", "AS-21", "AS-22"
)
@pytest.mark.requirement("RS-1", "RS-2", "RS-10")
@pytest.mark.parametrize("name", CLIENTS)
def test_it_connects_refreshes_starts_again_and_is_out_when_the_user_disconnects_it(
    name: str, running: Up, browser: Browser, tmp_path: Path
) -> None:
    mcp_url = f"http://localhost:{running.resource_port}/mcp"
    with CLIENTS[name](mcp_url, tmp_path, browser) as first:
        identity = connects(first, browser)
        refreshes(first, identity, running)
        browser.visits(1)
    with CLIENTS[name](mcp_url, tmp_path, browser) as second:
        assert second.call("whoami") == identity
        browser.visits(1)
        ended = grant_of(running, identity["subject"], identity["client_id"])
        disconnect(running, browser.person, ended)
        again = second.call("whoami")
        browser.visits(2)
        granted = grant_of(running, identity["subject"], again["client_id"])
        assert granted.grant_id != ended.grant_id


@pytest.mark.requirement("AS-11")
@pytest.mark.parametrize("client", [TypeScriptSdk1WithHeader, TypeScriptSdk2WithHeader])
def test_an_authorization_header_in_the_configuration_keeps_nobody_from_connecting_and_refreshing(
    client: type[RealClient], running: Up, browser: Browser, tmp_path: Path
) -> None:
    with client(f"http://localhost:{running.resource_port}/mcp", tmp_path, browser) as configured:
        refreshes(configured, connects(configured, browser), running)


def connects(client: RealClient, browser: Browser) -> Result:
    identity = client.call("whoami")
    browser.visits(1)
    assert identity["username"] == "wesen"
    assert {"notes:read", "notes:write"} <= set(identity["scopes"])
    added = client.call("add_note", text=f"by {type(client).__name__}")
    assert added in client.call("list_notes")["notes"]
    return identity


def refreshes(client: RealClient, identity: Result, running: Up) -> None:
    before = grant_of(running, identity["subject"], identity["client_id"])
    wait_until(lambda: time.time() > before.access_expires_at)
    assert client.call("whoami") == identity
    after = grant_of(running, identity["subject"], identity["client_id"])
    assert after.grant_id == before.grant_id
    assert after.generation > before.generation
