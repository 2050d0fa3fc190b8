"""A second Doorward protects the upstream: discovered, and used with `resource`, PKCE and `iss` (GW-1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from structlog.testing import capture_logs

from auth_service.clients.repository import ClientRepository
from auth_service.connected_accounts.discovered_providers import CONFIRM_S, DiscoveredProviders
from auth_service.connected_accounts.token_requests import UpstreamUnavailableError
from auth_service.fetching import Fetched, Fetcher
from auth_service.fetching.token_client import TokenClient
from auth_service.protocol.reasons import Reason
from auth_service.protocol.upstream_providers import (
    AccountProvider,
    ConfiguredProvider,
    UpstreamProvider,
)
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
    sent, post = list[dict[str, str]](), TokenClient.post

    async def noting(self: TokenClient, fetcher: Fetcher, url: str, members: Any) -> Fetched:
        sent.append(dict(members))
        return await post(self, fetcher, url, members)

    monkeypatch.setattr(TokenClient, "post", noting)
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


@pytest.mark.parametrize("doorwards", [False], ids=["registered"], indirect=True, scope="module")
def test_a_client_that_the_provider_has_deleted_leads_to_one_new_link_for_each_person(
    doorwards: Doorwards, connecting: Connecting, forms: list[dict[str, str]]
) -> None:
    sent, answer = doorwards.answer(connecting)
    assert doorwards.come_back(connecting, answer).status_code == 200
    clock = doorwards.provider.clock
    doorwards.provider.with_store(lambda store: ClientRepository(store, clock).delete(sent["client_id"]))
    doorwards.advance(EXPIRED_S)
    connecting.token = connecting.new_token()
    forms.clear()
    assert connecting.response().status_code == 503
    assert [form["grant_type"] for form in forms] == ["refresh_token"]
    doorwards.advance(CONFIRM_S)
    urls = {connecting.ask()["connect_url"] for _ in range(3)}
    assert len(urls) == 1
    # No person's token decided it, and the refresh token of the earlier client is sent nowhere.
    assert [form["grant_type"] for form in forms] == ["refresh_token", "authorization_code"]
    again, answer = doorwards.answer(connecting)
    assert again["client_id"] != sent["client_id"]
    assert doorwards.come_back(connecting, answer).status_code == 200
    doorwards.advance(EXPIRED_S)
    connecting.token = connecting.new_token()
    assert connecting.ask()["status"] == "connected"
    connecting.server.failures.clear()


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


@pytest.fixture
def change_server(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the upstream name another authorization server from now on."""
    before = DiscoveredProviders.of

    async def other(
        self: DiscoveredProviders, configured: ConfiguredProvider, subject: str
    ) -> AccountProvider:
        provider = await before(self, configured, subject)
        assert isinstance(provider, UpstreamProvider)
        preset = replace(provider.preset, issuers=("https://another.example",))
        return replace(provider, preset=preset)

    return lambda: monkeypatch.setattr(DiscoveredProviders, "of", other)


def test_a_changed_authorization_server_gets_neither_the_code_nor_the_tokens_of_the_earlier_one(
    doorwards: Doorwards,
    connecting: Connecting,
    forms: list[dict[str, str]],
    change_server: Callable[[], None],
) -> None:
    _, answer = doorwards.answer(connecting)
    assert doorwards.come_back(connecting, answer).status_code == 200
    other = Connecting(connecting.server, connecting.upstream, connecting.server.person)
    _, answer = doorwards.answer(other)
    forms.clear()
    change_server()
    with capture_logs() as logs:
        page = doorwards.come_back(other, {**answer, "iss": "https://another.example"})
    assert page.status_code == 400
    assert "connect_provider_changed" in {line.get("reason_code") for line in logs}
    doorwards.advance(EXPIRED_S)
    connecting.token = connecting.new_token()
    assert connecting.ask()["status"] == "not_connected"
    assert forms == []


@pytest.mark.parametrize("cause", [Reason.CONNECT_DISCOVERY_FAILED, Reason.CONNECT_REGISTRATION_FAILED])
def test_an_upstream_that_cannot_be_discovered_has_a_page_with_its_reason(
    doorwards: Doorwards, connecting: Connecting, monkeypatch: pytest.MonkeyPatch, cause: Reason
) -> None:
    async def fail(
        self: DiscoveredProviders, configured: ConfiguredProvider, subject: str
    ) -> AccountProvider:
        raise UpstreamUnavailableError("no metadata", cause=cause)

    monkeypatch.setattr(DiscoveredProviders, "of", fail)
    with capture_logs() as logs:
        page = connecting.person.open(connecting.ask()["connect_url"])
    assert (page.status_code, "127.0.0.1 cannot be reached" in page.text) == (503, True)
    assert cause.code in {
        line.get("reason_code") for line in logs if line["event"] == "account not connected"
    }
    connecting.server.failures.clear()
