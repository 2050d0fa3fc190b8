"""A second Doorward as the provider: refreshed once, one link after a refusal, revoked there (GW-1)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from auth_service.connected_accounts.token_requests import TokenRequests
from auth_service.protocol.connected_account import UpstreamTokens
from auth_service.protocol.upstream_providers import UpstreamProvider
from tests.auth_service.connected_accounts.connecting import Connecting
from tests.auth_service.connected_accounts.upstream import Upstream
from tests.auth_service.service import (
    RESOURCE,
    RESOURCE_SERVER,
    SCOPES,
    AuthorizationServer,
    nobodys,
    running,
)
from tests.e2e.dump import dump
from tests.flow import Client, Person
from tests.servers import free_port, wait_until

pytestmark = pytest.mark.requirement("GW-1")

EXPIRED_S = 601


@dataclass
class Doorwards:
    """A server whose people connect their accounts at the other one.

    Attributes:
        client: the server at its provider.
    """

    server: AuthorizationServer
    provider: AuthorizationServer
    client: Client

    def advance(self, seconds: int) -> None:
        """Let time pass at both."""
        self.server.clock.advance(seconds)
        self.provider.clock.advance(seconds)

    def connect(self, connecting: Connecting) -> str:
        """Connect an account by the link; the access token of the provider."""
        there = Person()
        answer = there.authorize(connecting.leave())
        there.close()
        assert answer["iss"] == self.provider.origin
        page = connecting.person.open(f"{self.server.origin}/connect/callback?{urlencode(answer)}")
        assert page.status_code == 200, page.text
        return str(connecting.ask()["authorization"]).removeprefix("Bearer ")


@pytest.fixture(scope="module")
def doorwards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doorwards]:
    directory: Path = tmp_path_factory.mktemp("doorwards")
    port = free_port()
    redirect_uri = f"http://127.0.0.1:{port}/connect/callback"
    with running(f"sqlite:///{directory}/provider.db") as provider:
        client = provider.register(
            redirect_uris=[redirect_uri], token_endpoint_auth_method="client_secret_basic"
        )
        upstream_oauth = {
            "name": "Another Doorward",
            "authorization_endpoint": f"{provider.origin}/authorize",
            "token_endpoint": f"{provider.origin}/token",
            "revocation_endpoint": f"{provider.origin}/revoke",
            "issuer": provider.origin,
            "client_id": client.client_id,
            "client_secret": client.information["client_secret"],
            "scopes": ["notes:read", "offline_access"],
            "parameters": {"resource": RESOURCE},
        }
        resource = {
            "resource": RESOURCE,
            "name": "Notes",
            "scopes": SCOPES,
            "upstream_oauth": upstream_oauth,
        }
        servers = [{**RESOURCE_SERVER, "resources": [resource]}]
        store = f"sqlite:///{directory}/server.db"
        with running(store, port=port, resource_servers=servers, fetch_loopback=True) as server:
            yield Doorwards(server, provider, client)


@pytest.fixture
def connecting(doorwards: Doorwards) -> Iterator[Connecting]:
    person = doorwards.server.add_user(nobodys("ada"), "a password of ada")
    yield Connecting(doorwards.server, Upstream(), person)
    person.close()


def test_a_second_doorward_is_refreshed_once_and_its_refusal_gives_one_link(
    doorwards: Doorwards, connecting: Connecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, send = list[str](), TokenRequests.refresh

    async def counted(self: TokenRequests, provider: UpstreamProvider, refresh_token: str) -> UpstreamTokens:
        sent.append(refresh_token)
        return await send(self, provider, refresh_token)

    monkeypatch.setattr(TokenRequests, "refresh", counted)
    first = doorwards.connect(connecting)
    assert doorwards.provider.introspect(first)["active"]
    doorwards.advance(EXPIRED_S)
    connecting.token = connecting.new_token()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: connecting.ask(), range(40)))
    (authorization,) = {answer["authorization"] for answer in answers}
    assert authorization != f"Bearer {first}"
    assert len(sent) == 1
    # The person ends it there.
    doorwards.client.revoke(authorization.removeprefix("Bearer "))
    doorwards.advance(EXPIRED_S)
    connecting.token = connecting.new_token()
    links = {connecting.ask()["connect_url"] for _ in range(3)}
    assert len(links) == 1
    assert len(sent) == 2  # the refused one was not repeated


def test_what_ends_here_is_revoked_at_a_second_doorward(doorwards: Doorwards, connecting: Connecting) -> None:
    token = doorwards.connect(connecting)
    stored = repr(dump(doorwards.server.store_url))
    assert f"connected-account:{connecting.subject}" in stored
    assert token not in stored
    doorwards.server.delete_user(connecting.person.username)
    wait_until(lambda: not doorwards.provider.introspect(token)["active"])
