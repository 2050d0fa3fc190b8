"""Calls when a token has expired: one refresh at npm's `oidc-provider`, and one at a second Doorward (GW-1).

DOORWARD_SOAK_ACCOUNTS sets how many calls; `make soak` sends 200 to four processes of the resource server.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.auth_service.service import RESOURCE, AuthorizationServer, running
from tests.e2e.dump import dump
from tests.flow import Person
from tests.interop.libraries.connected import (
    JOINED,
    ConnectedMount,
    Processes,
    mounted,
    running_processes,
)
from tests.interop.libraries.providers import CLIENT_ID, CLIENT_SECRET, NpmProvider, Traveller
from tests.machine import require
from tests.servers import wait_until

pytestmark = [pytest.mark.long, pytest.mark.requirement("GW-1"), pytest.mark.xdist_group("accounts")]

CALLS = int(os.environ.get("DOORWARD_SOAK_ACCOUNTS", "40"))
RESOURCE_PROCESSES = 4 if CALLS >= 200 else 2
ANY_PORT = "http://127.0.0.1:1/connect/callback"


class NpmUpstream(NpmProvider):
    """The provider of npm, at which people connect accounts."""

    def _client(self, doorward: str) -> dict[str, Any]:
        return {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uris": [f"{doorward}/connect/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
        }


@pytest.fixture(scope="module")
def npm() -> NpmUpstream:
    return NpmUpstream()


@pytest.fixture(scope="module")
def doorward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthorizationServer]:
    """A second Doorward, at which people connect accounts."""
    with running(f"sqlite:///{tmp_path_factory.mktemp('provider')}/d.db") as server:
        yield server


@pytest.fixture(scope="module")
def mounts(npm: NpmUpstream, doorward: AuthorizationServer) -> Iterator[dict[str, ConnectedMount]]:
    at_npm = {
        "issuer": npm.issuer,
        "authorization_endpoint": f"{npm.issuer}/auth",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "scopes": ["openid", "offline_access"],
        "parameters": {"prompt": "consent"},
    }
    client = doorward.register(redirect_uris=[ANY_PORT], token_endpoint_auth_method="client_secret_basic")
    at_doorward = {
        "issuer": doorward.origin,
        "authorization_endpoint": f"{doorward.origin}/authorize",
        "client_id": client.client_id,
        "client_secret": client.information["client_secret"],
        "scopes": ["notes:read", "offline_access"],
        "parameters": {"resource": RESOURCE},
    }
    with (
        mounted("npm", at_npm, Traveller("ada", "npm", ("of nobody", npm.issuer))) as first,
        mounted("second", at_doorward, Person(trust_env=False)) as second,
    ):
        yield {"npm": first, "doorward": second}


@pytest.fixture(scope="module")
def processes(
    npm: NpmUpstream, mounts: dict[str, ConnectedMount], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Processes]:
    require("redis-server")
    directory = tmp_path_factory.mktemp("connected")
    with (
        running_processes(directory, list(mounts.values()), RESOURCE_PROCESSES) as processes,
        npm.running(processes.deployment.issuer),
    ):
        yield processes


@pytest.mark.parametrize("name", ["npm", "doorward"])
def test_calls_when_a_token_expires_lead_to_one_refresh_at_a_real_provider(
    name: str, processes: Processes, mounts: dict[str, ConnectedMount]
) -> None:
    mount = mounts[name]
    token = processes.token(mount.resource)
    processes.connect(mount, token)
    assert mount.endpoint.refreshes == 0
    processes.expire(token, mount.resource)
    responses = processes.call_at_once(CALLS, mount.path, token)
    assert [response.status_code for response in responses] == [200] * CALLS
    assert all("done" in response.text for response in responses)
    assert mount.endpoint.refreshes == 1
    sent = {question.headers["authorization"] for question in mount.server.questions}
    assert sent == {f"Bearer {mount.endpoint.access_tokens[-1]}"}


@pytest.mark.requirement("GW-3")
def test_each_mount_of_a_joined_url_uses_the_account_at_its_own_provider(
    processes: Processes, mounts: dict[str, ConnectedMount]
) -> None:
    token = processes.token(JOINED, scope="npm second")
    for mount in mounts.values():
        name = mount.path.removeprefix("/")
        if processes.is_connected(mount, token):
            processes.disconnect(mount)
            wait_until(partial(processes.needs_link, mount, token), timeout_s=30)
        link = processes.link(mount, token)
        assert f"the MCP server '{name}'" in processes.call_at_once(1, "/mcp", token, f"{name}_t")[0].text
        processes.follow(mount, link)
        processes.expire(token, mount.resource)
        refreshes = mount.endpoint.refreshes
        responses = processes.call_at_once(CALLS, "/mcp", token, f"{name}_t")
        assert all("done" in response.text for response in responses)
        assert mount.endpoint.refreshes == refreshes + 1
        assert (
            mount.server.questions[-1].headers["authorization"]
            == f"Bearer {mount.endpoint.access_tokens[-1]}"
        )
    first, second = mounts.values()
    processes.disconnect(first)
    wait_until(lambda: processes.needs_link(first, token), timeout_s=30)
    assert processes.is_connected(second, token)
    own = processes.token(second.resource)
    assert "done" in processes.call_at_once(1, second.path, own)[0].text, "the same account at its own URL"


def test_a_dump_of_the_store_has_no_token_of_a_provider(
    processes: Processes, mounts: dict[str, ConnectedMount]
) -> None:
    stored = repr(dump(processes.deployment.store_url))
    assert "connected-account:" in stored
    for mount in mounts.values():
        tokens = [*mount.endpoint.access_tokens, *mount.endpoint.refresh_tokens]
        assert len(tokens) >= 4
        forms = [form for token in tokens for form in (token, b64encode(token.encode()).decode())]
        assert [form for form in forms if form in stored] == []
