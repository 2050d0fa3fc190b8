"""An MCP client of others against `doorward up`, for somebody who logs in through a provider of others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import up
from tests.interop.browser import Browser
from tests.interop.clients import TypeScriptSdk1
from tests.interop.libraries.providers import NpmProvider, Traveller

pytestmark = pytest.mark.xdist_group("interop")


@pytest.mark.requirement("ID-1", "ID-2")
def test_the_typescript_sdk_connects_for_somebody_from_an_identity_provider(tmp_path: Path) -> None:
    npm = NpmProvider()
    providers = [npm.configuration(allow={"domains": ["corp.example"]})]
    settings = {
        "DOORWARD_IDENTITY_PROVIDERS": json.dumps(providers),
        "DOORWARD_FETCH_LOOPBACK": "true",
    }
    (tmp_path / "up").mkdir()
    (tmp_path / "browser").mkdir()
    (tmp_path / "client").mkdir()
    with up(tmp_path / "up", **settings) as running, npm.running(running.issuer):
        ada = Traveller("ada", "npm", (running.issuer, npm.issuer))
        with Browser(tmp_path / "browser", ada).attended() as browser:
            mcp_url = f"http://localhost:{running.resource_port}/mcp"
            with TypeScriptSdk1(mcp_url, tmp_path / "client", browser) as client:
                identity = client.call("whoami")
        ada.close()
    assert identity["username"] == "ada"
    assert {"notes:read", "notes:write"} <= set(identity["scopes"])
