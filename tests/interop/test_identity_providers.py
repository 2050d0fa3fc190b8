"""An MCP client of others and `doorward up`, for people who log in through another provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.auth_service.service import running
from tests.cli.command import Up, doorward, up
from tests.gateway.exchange import INITIALIZE, MESSAGE
from tests.interop.browser import Browser
from tests.interop.clients import TypeScriptSdk1
from tests.interop.libraries.providers import DoorwardProvider, NpmProvider, Provider, Traveller
from tests.servers import wait_until

pytestmark = [pytest.mark.xdist_group("interop"), pytest.mark.long]

ACCESS_TTL_S = 3
WITHIN_S = 1.0
OFFLINE = ["openid", "profile", "email", "offline_access"]
PEOPLE = {"npm": "ada", "doorward": "grace"}


@dataclass(frozen=True)
class Installation:
    """A running `doorward up`, and the providers through which people log in there."""

    up: Up
    providers: dict[str, Provider]

    @property
    def mcp_url(self) -> str:
        """The MCP server."""
        return f"http://localhost:{self.up.resource_port}/mcp"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    npm = NpmProvider(ada=["readers", "writers"])
    with ExitStack() as stack:
        store = f"sqlite:///{tmp_path_factory.mktemp('provider')}/d.db"
        server = stack.enter_context(running(store, fetch_loopback=True))
        other = DoorwardProvider(server, grace=["readers", "writers"])
        settings = {
            "DOORWARD_IDENTITY_PROVIDERS": json.dumps(
                [
                    npm.configuration(allow={"domains": ["corp.example"]}, scopes=OFFLINE, reads_groups=True),
                    other.configuration(allow={"groups": ["readers"]}, reads_groups=True),
                ]
            ),
            "DOORWARD_FETCH_LOOPBACK": "true",
            "DOORWARD_ACCESS_TTL_S": str(ACCESS_TTL_S),
            "DOORWARD_GROUPS_MAX_AGE_S": "1",
        }
        started = stack.enter_context(up(tmp_path_factory.mktemp("up"), **settings))
        providers: dict[str, Provider] = {each.provider_id: each for each in (npm, other)}
        for provider in providers.values():
            stack.enter_context(provider.running(started.issuer))
        installation = Installation(started, providers)
        restrict(installation)
        yield installation


def restrict(installation: Installation) -> None:
    """Set access rules that name the groups at the providers."""
    scopes = {"readers": "notes:read", "writers": "notes:write"}
    rules = {
        "groups": {
            f"{provider_id}:{group}": {installation.mcp_url: [scope]}
            for provider_id in installation.providers
            for group, scope in scopes.items()
        }
    }
    done = doorward("access", "set", "-", cwd=installation.up.directory, stdin=json.dumps(rules))
    assert done.returncode == 0, done.stderr


@dataclass
class Connection:
    """The TypeScript SDK, connected for somebody who may read and write by their groups at the provider."""

    provider: Provider
    person: Traveller
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
def connected(installation: Installation, provider: Provider, directory: Path) -> Iterator[Connection]:
    for name in ("browser", "client"):
        (directory / name).mkdir()
    username = PEOPLE[provider.provider_id]
    person = Traveller(
        username,
        provider.provider_id,
        (installation.up.issuer, provider.issuer),
        DoorwardProvider.PASSWORD,
    )
    with (
        Browser(directory / "browser", person).attended() as browser,
        TypeScriptSdk1(installation.mcp_url, directory / "client", browser) as client,
    ):
        yield Connection(provider, person, browser, client)
    person.close()


@pytest.mark.requirement("ID-1", "ID-2", "ID-3", "ID-4")
@pytest.mark.parametrize("provider_id", PEOPLE)
def test_the_typescript_sdk_loses_a_tool_with_a_group_at_the_provider_and_its_session_with_a_logout_there(
    installation: Installation, provider_id: str, tmp_path: Path
) -> None:
    provider = installation.providers[provider_id]
    with connected(installation, provider, tmp_path) as connection:
        identity = connection.client.call("whoami")
        person = connection.person
        assert identity["username"] == person.username
        assert {"notes:read", "notes:write"} <= set(identity["scopes"])
        assert connection.can("add_note", text="mine")
        provider.set_people(groups={person.username: ["readers"]})
        # At the latest with the refresh after the token has expired.
        wait_until(lambda: not connection.can("add_note", text="mine"), timeout_s=10 * ACCESS_TTL_S)
        assert connection.can("list_notes")
        logins = connection.browser.opened

        expiring = connection.token
        wait_until(lambda: connection.can("list_notes") and connection.token != expiring)
        token = connection.token
        assert connection.is_accepted(token)
        logout = person.browser.get(f"{provider.issuer}/{provider.logout_path}")
        person.confirm_logout(person.follow(logout))
        # Long before the token expires.
        wait_until(lambda: not connection.is_accepted(token), timeout_s=WITHIN_S)
        # So the client sends the person to log in again.
        assert connection.can("list_notes")
        connection.browser.visits(logins + 1)
