"""A second Doorward protects the upstream: discovered, and used with `resource`, PKCE and `iss` (GW-1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest

from auth_service.connected_accounts.token_requests import TokenRequests
from auth_service.fetching import Fetched
from auth_service.protocol.upstream_providers import UpstreamProvider
from tests.auth_service.connected_accounts.connecting import Connecting
from tests.auth_service.connected_accounts.upstream import Upstream
from tests.auth_service.journal.events import events_of
from tests.auth_service.service import (
    RESOURCE,
    RESOURCE_SERVER,
    SCOPES,
    AuthorizationServer,
    nobodys,
    running,
)
from tests.flow import Person
from tests.resource_service.authorization_server import AuthorizationServer as Introspected
from tests.resource_service.service import SECRET, Service, call, modern_headers
from tests.resource_service.service import running as running_resource
from tests.servers import free_port

pytestmark = pytest.mark.requirement("GW-1", "AS-8", "SEC-3")

EXPIRED_S = 601


@dataclass
class Doorwards:
    """A server whose people connect accounts at the authorization server of an upstream.

    Attributes:
        provider: the authorization server of the upstream.
        upstream: the upstream, an MCP server.
        documents: whether the provider accepts client ID metadata documents.
    """

    server: AuthorizationServer
    provider: AuthorizationServer
    upstream: Service
    documents: bool

    @property
    def resource(self) -> str:
        """The URL of the upstream."""
        return self.upstream.resource

    def advance(self, seconds: int) -> None:
        """Let time pass at both servers."""
        self.server.clock.advance(seconds)
        self.provider.clock.advance(seconds)

    def answer(self, connecting: Connecting) -> tuple[dict[str, str], dict[str, str]]:
        """Go to the provider and agree; the parameters of the request and of the response."""
        there = Person()
        location = connecting.leave()
        answer = there.authorize(location)
        there.close()
        return dict(parse_qsl(urlsplit(location).query)), answer

    def come_back(self, connecting: Connecting, answer: dict[str, str]) -> httpx2.Response:
        """The page after the response of the provider."""
        return connecting.person.open(f"{self.server.origin}/connect/callback?{urlencode(answer)}")


@pytest.fixture(scope="module", params=[True, False], ids=["document", "registered"])
def doorwards(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Doorwards]:
    directory: Path = tmp_path_factory.mktemp("doorwards")
    port = free_port()
    issuer = cast(Introspected, SimpleNamespace(url=f"http://127.0.0.1:{port}"))
    with running_resource(issuer, directory) as upstream:
        protected = {"resource": upstream.resource, "name": "Upstream", "scopes": SCOPES}
        provided = [{**RESOURCE_SERVER, "secret": SECRET, "resources": [protected]}]
        discovering = {"discover": upstream.resource, "scopes": ["notes:read"]}
        resource = {"resource": RESOURCE, "name": "Notes", "scopes": SCOPES, "upstream_oauth": discovering}
        servers = [{**RESOURCE_SERVER, "resources": [resource]}]
        at_provider: dict[str, Any] = {"port": port, "resource_servers": provided, "fetch_loopback": True}
        if not request.param:
            at_provider["cimd"] = "deny"
        with (
            running(f"sqlite:///{directory}/provider.db", **at_provider) as provider,
            running(
                f"sqlite:///{directory}/server.db", resource_servers=servers, fetch_loopback=True
            ) as server,
        ):
            yield Doorwards(server, provider, upstream, request.param)


@pytest.fixture
def connecting(doorwards: Doorwards) -> Iterator[Connecting]:
    person = doorwards.server.add_user(nobodys("ada"), "a password of ada")
    yield Connecting(doorwards.server, Upstream(), person)
    person.close()


@pytest.fixture
def forms(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The bodies of the requests to the token endpoint."""
    sent, post = list[dict[str, str]](), TokenRequests._post

    async def noting(self: TokenRequests, provider: UpstreamProvider, url: str, members: Any) -> Fetched:
        sent.append(dict(members))
        return await post(self, provider, url, members)

    monkeypatch.setattr(TokenRequests, "_post", noting)
    return sent


def test_an_account_at_a_discovered_upstream_is_connected_used_and_refreshed(
    doorwards: Doorwards, connecting: Connecting, forms: list[dict[str, str]]
) -> None:
    sent, answer = doorwards.answer(connecting)
    assert (sent["resource"], sent["code_challenge_method"]) == (doorwards.resource, "S256")
    assert sent["scope"] == "notes:read offline_access"
    document = f"{doorwards.server.origin}/connect/client-metadata"
    assert (sent["client_id"] == document) is doorwards.documents
    assert answer["iss"] == doorwards.provider.origin
    assert doorwards.come_back(connecting, answer).status_code == 200
    first = connecting.ask()["authorization"]
    headers = {**modern_headers("list_notes"), "Authorization": first}
    response = httpx2.post(doorwards.resource, headers=headers, json=call("list_notes"), trust_env=False)
    assert response.status_code == 200, response.text
    doorwards.advance(EXPIRED_S)
    connecting.token = connecting.new_token()
    second = connecting.ask()["authorization"]
    assert second != first
    assert doorwards.provider.is_active(second.removeprefix("Bearer "))
    assert [(form["grant_type"], form["resource"]) for form in forms] == [
        ("authorization_code", doorwards.resource),
        ("refresh_token", doorwards.resource),
    ]
    registered = events_of(doorwards.server, kind="account", action="client registered at a provider")
    assert len(registered) == (0 if doorwards.documents else 1)
    for event in registered:
        assert (event["provider"], event["registered"]) == (doorwards.provider.origin, sent["client_id"])


@pytest.mark.parametrize("iss", ["https://another.example", None])
def test_a_response_with_another_iss_or_without_one_is_refused(
    doorwards: Doorwards, connecting: Connecting, forms: list[dict[str, str]], iss: str | None
) -> None:
    _, answer = doorwards.answer(connecting)
    del answer["iss"]
    page = doorwards.come_back(connecting, answer if iss is None else {**answer, "iss": iss})
    assert page.status_code == 400
    assert forms == []
    assert connecting.ask()["status"] == "not_connected"
