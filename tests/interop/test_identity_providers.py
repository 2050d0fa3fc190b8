"""An MCP client of others against `doorward up`, for somebody who logs in through a provider of others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.cli.command import Up, doorward, up
from tests.gateway.exchange import INITIALIZE, MESSAGE
from tests.interop.browser import Browser
from tests.interop.clients import TypeScriptSdk1
from tests.interop.libraries.providers import NpmProvider, Traveller
from tests.servers import wait_until

pytestmark = pytest.mark.xdist_group("interop")

ACCESS_TTL_S = 3
WITHIN_S = 1.0


@dataclass
class Connection:
    """The TypeScript SDK, connected for ada, who may read and write by her groups at the provider."""

    npm: NpmProvider
    ada: Traveller
    browser: Browser
    client: TypeScriptSdk1

    def can(self, tool: str, **arguments: str) -> bool:
        """Whether a call succeeds."""
        try:
            self.client.call(tool, **arguments)
        except AssertionError:
            return False
        return True

    @property
    def token(self) -> str:
        """The access token of the client."""
        kept = json.loads((self.client.home / "kept.json").read_text())
        return str(kept["tokens"]["access_token"])

    def is_accepted(self, token: str) -> bool:
        """Whether the MCP server accepts an access token."""
        headers = {"Authorization": f"Bearer {token}"}
        ping = httpx2.post(
            self.client.mcp_url, headers=headers | MESSAGE, json=INITIALIZE, trust_env=False, timeout=30
        )
        return ping.status_code == 200


@contextmanager
def connected(directory: Path) -> Iterator[Connection]:
    npm = NpmProvider(ada=["readers", "writers"])
    configuration = npm.configuration(
        allow={"domains": ["corp.example"]},
        scopes=["openid", "profile", "email", "offline_access"],
        reads_groups=True,
    )
    settings = {
        "DOORWARD_IDENTITY_PROVIDERS": json.dumps([configuration]),
        "DOORWARD_FETCH_LOOPBACK": "true",
        "DOORWARD_ACCESS_TTL_S": str(ACCESS_TTL_S),
        "DOORWARD_GROUPS_MAX_AGE_S": "1",
    }
    for name in ("up", "browser", "client"):
        (directory / name).mkdir()
    with up(directory / "up", **settings) as running, npm.running(running.issuer):
        mcp_url = f"http://localhost:{running.resource_port}/mcp"
        restrict(running, mcp_url)
        ada = Traveller("ada", "npm", (running.issuer, npm.issuer))
        with (
            Browser(directory / "browser", ada).attended() as browser,
            TypeScriptSdk1(mcp_url, directory / "client", browser) as client,
        ):
            yield Connection(npm, ada, browser, client)
        ada.close()


def restrict(running: Up, mcp_url: str) -> None:
    """Set access rules that name the groups at the provider."""
    rules = {
        "groups": {
            "npm:readers": {mcp_url: ["notes:read"]},
            "npm:writers": {mcp_url: ["notes:write"]},
        }
    }
    done = doorward("access", "set", "-", cwd=running.directory, stdin=json.dumps(rules))
    assert done.returncode == 0, done.stderr


@pytest.mark.long
@pytest.mark.requirement("ID-1", "ID-2", "ID-3", "ID-4")
def test_the_typescript_sdk_loses_a_tool_with_a_group_at_the_provider_and_its_session_with_a_logout_there(
    tmp_path: Path,
) -> None:
    with connected(tmp_path) as connection:
        identity = connection.client.call("whoami")
        assert identity["username"] == "ada"
        assert {"notes:read", "notes:write"} <= set(identity["scopes"])
        assert connection.can("add_note", text="mine")
        connection.npm.set_people(groups={"ada": ["readers"]})
        # At the latest with the refresh after the token has expired.
        wait_until(lambda: not connection.can("add_note", text="mine"), timeout_s=10 * ACCESS_TTL_S)
        assert connection.can("list_notes")
        logins = len(connection.browser.visited)

        expiring = connection.token
        wait_until(lambda: connection.can("list_notes") and connection.token != expiring)
        token, ada = connection.token, connection.ada
        assert connection.is_accepted(token)
        ada.confirm_logout(ada.follow(ada.browser.get(f"{connection.npm.issuer}/session/end")))
        # Long before the token expires.
        wait_until(lambda: not connection.is_accepted(token), timeout_s=WITHIN_S)
        # So the client sends the person to log in again.
        assert connection.can("list_notes")
        connection.browser.visits(logins + 1)
