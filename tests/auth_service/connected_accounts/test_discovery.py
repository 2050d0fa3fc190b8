"""An upstream is discovered within bounds, whatever it and its authorization server answer (GW-1, SEC-12)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl

import httpcore2
import pytest

from auth_service.connected_accounts.discovery import Discovery
from auth_service.connected_accounts.token_requests import UpstreamUnavailableError
from auth_service.fetching import Fetcher, Limits
from auth_service.protocol.reasons import Reason
from auth_service.protocol.upstream_client import UpstreamClient
from auth_service.protocol.upstream_metadata import parse_server_metadata
from auth_service.protocol.upstream_providers import UpstreamDiscovery
from tests.sites import Answer, Names, Site, answer, document, dripping, site

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-1", "SEC-12", "BOUND-1")]

RESOURCE_AT = "/.well-known/oauth-protected-resource"
SERVER_AT = "/.well-known/oauth-authorization-server"
OPENID_AT = "/.well-known/openid-configuration"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


@dataclass
class Upstream:
    """An MCP server that is its own authorization server."""

    site: Site
    fetcher: Fetcher

    def __post_init__(self) -> None:
        self.site.answers[f"{RESOURCE_AT}/mcp"] = document(self.resource())
        self.site.answers[SERVER_AT] = document(self.server())

    @property
    def origin(self) -> str:
        """The issuer, and the origin of the MCP server."""
        return f"http://127.0.0.1:{self.site.port}"

    @property
    def paths(self) -> list[str]:
        """The paths that were requested, in order."""
        return [contact.request.split(" ")[1] for contact in self.site.contacts()]

    def resource(self, **changes: Any) -> dict[str, Any]:
        return {"resource": f"{self.origin}/mcp", "authorization_servers": [self.origin], **changes}

    def server(self, **changes: Any) -> dict[str, Any]:
        return {
            "issuer": self.origin,
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": f"{self.origin}/token",
            "registration_endpoint": f"{self.origin}/register",
            "code_challenge_methods_supported": ["S256"],
            **changes,
        }

    def configured(self, **changes: Any) -> UpstreamDiscovery:
        members = {"resource": "https://mcp.example/mcp", "name": "Upstream", "url": f"{self.origin}/mcp"}
        return UpstreamDiscovery(**{**members, **changes})

    def discovery(self, *, loopback: bool = True) -> Discovery:
        return Discovery(
            fetcher=self.fetcher,
            clock=lambda: 1_000,
            loopback=loopback,
            issuer="https://auth.example",
            site_name="Doorward",
        )


@contextmanager
def upstream_within(total_s: float) -> Iterator[Upstream]:
    """An upstream, and a fetcher that waits up to `total_s` seconds for each response."""
    fetcher = Fetcher(loopback=True, limits=Limits(total_s=total_s))
    with site() as running:
        yield Upstream(running, fetcher)
    fetcher.close()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with upstream_within(20) as running:
        yield running


async def failure(upstream: Upstream, **changes: Any) -> UpstreamUnavailableError:
    with pytest.raises(UpstreamUnavailableError) as caught:
        await upstream.discovery().read(upstream.configured(**changes))
    assert caught.value.cause is Reason.CONNECT_DISCOVERY_FAILED
    return caught.value


async def test_the_documents_are_read_in_the_order_of_a_client(upstream: Upstream) -> None:
    upstream.site.answers[RESOURCE_AT] = upstream.site.answers.pop(f"{RESOURCE_AT}/mcp")
    upstream.site.answers[OPENID_AT] = upstream.site.answers.pop(SERVER_AT)
    read = await upstream.discovery().read(upstream.configured())
    assert (read.resource.resource, read.server.issuer) == (f"{upstream.origin}/mcp", upstream.origin)
    assert upstream.paths == ["/mcp", f"{RESOURCE_AT}/mcp", RESOURCE_AT, SERVER_AT, OPENID_AT]


async def test_a_challenge_leads_to_the_metadata_and_names_the_scopes(upstream: Upstream) -> None:
    challenge = f'Bearer resource_metadata="{upstream.origin}/metadata", scope="notes:read"'
    headers = {"WWW-Authenticate": challenge}
    upstream.site.answers["/mcp"] = answer(b"{}", status="401 Unauthorized", headers=headers)
    upstream.site.answers["/metadata"] = document(upstream.resource(scopes_supported=["all"]))
    read = await upstream.discovery().read(upstream.configured())
    assert read.scopes == ("notes:read",)
    assert upstream.paths == ["/mcp", "/metadata", SERVER_AT]


@pytest.mark.parametrize("place", [f"{RESOURCE_AT}/mcp", SERVER_AT])
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (answer(b'{"a": "%s"}' % (b"x" * 70_000)), "larger than 65536 bytes"),
        (answer(b'{"a": "%s"}' % (b"x" * 70_000), length=False), "larger than 65536 bytes"),
        (answer(b"{}", headers={"Content-Length": "70000"}, length=False), "larger than 65536 bytes"),
        (answer(b"", status="302 Found", headers={"Location": "/elsewhere"}), "status 302"),
        (answer(b"{}", status="503 Unavailable"), "status 503"),
        (answer(b"<html>", headers={"Content-Type": "text/html"}), "not served as JSON"),
        (answer(b"{"), "not JSON"),
    ],
    ids=["huge", "huge by surprise", "announced", "redirecting", "down", "page", "broken"],
)
async def test_a_document_that_cannot_be_read_is_not_used(
    upstream: Upstream, place: str, bad: Answer, reason: str
) -> None:
    upstream.site.answers[place] = bad
    assert reason in (await failure(upstream)).reason
    assert "/elsewhere" not in upstream.paths


@pytest.mark.parametrize("place", ["/mcp", f"{RESOURCE_AT}/mcp", SERVER_AT])
async def test_no_other_document_takes_the_place_of_one_that_is_away_for_a_moment(
    upstream: Upstream, place: str
) -> None:
    upstream.site.answers[place] = answer(b"{}", status="503 Unavailable")
    upstream.site.answers[RESOURCE_AT] = document(upstream.resource(resource=upstream.origin))
    upstream.site.answers[OPENID_AT] = document(upstream.server())
    assert "status 503" in (await failure(upstream)).reason


async def test_the_authorization_server_in_use_is_used_on_while_it_is_listed(upstream: Upstream) -> None:
    listed = upstream.resource(authorization_servers=["https://another.example", upstream.origin])
    upstream.site.answers[f"{RESOURCE_AT}/mcp"] = document(listed)
    read = await upstream.discovery().read(upstream.configured(), upstream.origin)
    assert read.server.issuer == upstream.origin


@pytest.mark.parametrize("place", [f"{RESOURCE_AT}/mcp", SERVER_AT])
async def test_a_slow_document_is_not_waited_for(place: str) -> None:
    with upstream_within(0.3) as upstream:
        upstream.site.answers[place] = dripping(HEAD, every_s=0.05)
        async with asyncio.timeout(10):
            assert "did not respond in time" in (await failure(upstream)).reason


async def test_metadata_of_another_issuer_ends_the_search(upstream: Upstream) -> None:
    upstream.site.answers[SERVER_AT] = document(upstream.server(issuer="https://evil.example"))
    upstream.site.answers[OPENID_AT] = document(upstream.server())
    assert "its issuer is not" in (await failure(upstream)).reason
    assert OPENID_AT not in upstream.paths


async def test_metadata_of_another_resource_is_not_used(upstream: Upstream) -> None:
    upstream.site.answers[f"{RESOURCE_AT}/mcp"] = document(
        upstream.resource(resource="https://other.example")
    )
    assert "its resource is not the MCP server" in (await failure(upstream)).reason


async def test_a_configured_issuer_is_the_only_one(upstream: Upstream) -> None:
    issuers = ["https://first.example", upstream.origin]
    upstream.site.answers[f"{RESOURCE_AT}/mcp"] = document(upstream.resource(authorization_servers=issuers))
    read = await upstream.discovery().read(upstream.configured(issuer=upstream.origin))
    assert read.server.issuer == upstream.origin
    refused = await failure(upstream, issuer="https://another.example")
    assert refused.reason == "the MCP server does not name the configured issuer"


async def test_urls_that_an_upstream_names_follow_the_rules_of_outgoing_requests(upstream: Upstream) -> None:
    with pytest.raises(UpstreamUnavailableError, match="must be https"):
        await upstream.discovery(loopback=False).read(upstream.configured())
    metadata = 'Bearer resource_metadata="http://169.254.169.254/latest"'
    headers = {"WWW-Authenticate": metadata}
    upstream.site.answers["/mcp"] = answer(b"{}", status="401 Unauthorized", headers=headers)
    assert "must be https" in (await failure(upstream)).reason


async def test_a_registration_sends_our_metadata(upstream: Upstream) -> None:
    created = {"client_id": "c", "client_secret": "s"}
    upstream.site.answers["/register"] = answer(json.dumps(created).encode(), status="201 Created")
    server = parse_server_metadata(upstream.server(), upstream.origin, loopback=True)
    client = await upstream.discovery().register(server)
    assert (client.client_id, client.client_secret, client.basic) == ("c", "s", True)
    (contact,) = upstream.site.contacts()
    assert json.loads(contact.body) == {
        "client_name": "Doorward",
        "client_uri": "https://auth.example",
        "redirect_uris": ["https://auth.example/connect/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
    }


@pytest.mark.parametrize(
    ("changes", "response", "reason"),
    [
        ({"registration_endpoint": None}, None, "registers no clients"),
        ({"token_endpoint_auth_methods_supported": ["tls_client_auth"]}, None, "no client authentication"),
        (
            {},
            answer(b'{"error": "invalid_client_metadata"}', status="400 Bad Request"),
            "refuses to register",
        ),
        ({}, answer(b'{"error": "access_denied"}', status="403 Forbidden"), "refuses to register"),
        ({}, answer(b"", status="307 Moved", headers={"Location": "/elsewhere"}), "status 307"),
        ({}, answer(b'{"a": "%s"}' % (b"x" * 70_000), status="201 Created"), "larger than 65536 bytes"),
        ({}, answer(b"{}", status="201 Created"), "no usable client_id"),
    ],
    ids=["none", "no method", "refused", "forbidden", "redirecting", "huge", "empty"],
)
async def test_a_registration_that_fails_says_why(
    upstream: Upstream, changes: dict[str, Any], response: Answer | None, reason: str
) -> None:
    if response is not None:
        upstream.site.answers["/register"] = response
    server = parse_server_metadata(upstream.server(**changes), upstream.origin, loopback=True)
    with pytest.raises(UpstreamUnavailableError, match=reason) as caught:
        await upstream.discovery().register(server)
    assert caught.value.cause is Reason.CONNECT_REGISTRATION_FAILED
    assert "/elsewhere" not in upstream.paths


@pytest.mark.parametrize(
    ("response", "refuses"),
    [
        (answer(b'{"error": "invalid_client"}', status="401 Unauthorized"), True),
        (answer(b'{"error": "invalid_client"}', status="400 Bad Request"), True),
        (answer(b'{"error": "invalid_grant"}', status="400 Bad Request"), False),
        (answer(b'{"error": "unauthorized_client"}', status="400 Bad Request"), False),
        (answer(b'{"error": "invalid_client"}', status="503 Unavailable"), None),
        (answer(b"", status="302 Found", headers={"Location": "/elsewhere"}), None),
        (answer(b'{"error": "invalid_client", "a": "%s"}' % (b"x" * 140_000)), None),
        (answer(b"[]", status="400 Bad Request"), None),
        (answer(b'{"error": ["invalid_client"]}', status="400 Bad Request"), None),
    ],
    ids=["401", "400", "grant", "unauthorized", "down", "redirecting", "huge", "list", "no text"],
)
async def test_a_server_is_asked_about_a_client_with_a_code_of_nobody(
    upstream: Upstream, response: Answer, refuses: bool | None
) -> None:
    upstream.site.answers["/token"] = response
    server = parse_server_metadata(upstream.server(), upstream.origin, loopback=True)
    client = UpstreamClient(client_id="c", client_secret="s", basic=False)
    discovery, codes = upstream.discovery(), set[str]()
    for _ in range(2):
        assert await discovery.refuses(server, client) is refuses
    for contact in upstream.site.contacts():
        form = dict(parse_qsl(contact.body.decode()))
        codes.add(form.pop("code"))
        assert len(form.pop("code_verifier")) >= 43
        assert form == {
            "grant_type": "authorization_code",
            "redirect_uri": "https://auth.example/connect/callback",
            "client_id": "c",
            "client_secret": "s",
        }
    assert len(codes) == 2
    assert "/elsewhere" not in upstream.paths


@pytest.mark.parametrize("place", ["/mcp", f"{RESOURCE_AT}/mcp", SERVER_AT])
async def test_a_server_that_is_away_for_a_moment_is_told_from_one_that_names_something_else(
    upstream: Upstream, place: str
) -> None:
    assert (await upstream.discovery().read(upstream.configured())).server.issuer == upstream.origin
    upstream.site.answers[place] = answer(b"{}", status="503 Unavailable")
    assert (await failure(upstream)).passing
    upstream.site.answers[place] = document({"issuer": "https://evil.example"})
    if place != "/mcp":
        assert not (await failure(upstream)).passing


class NotingBackend(httpcore2.AnyIOBackend):
    """Connects, and notes the addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.hosts: list[str] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- required by the interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.hosts.append(host)
        return await super().connect_tcp(host, port, timeout, local_address, socket_options)


@pytest.mark.parametrize("address", ["10.0.0.5", "169.254.169.254", "fd00::1", "::ffff:10.0.0.5"])
@pytest.mark.parametrize("place", ["resource metadata", "authorization server", "registration", "token"])
async def test_no_document_leads_to_a_private_address(place: str, address: str) -> None:
    names = Names({"127.0.0.1": [ip_address("127.0.0.1")], "internal.example": [ip_address(address)]})
    connections = NotingBackend()
    fetcher = Fetcher(loopback=True, resolve=names, connections=connections, limits=Limits(total_s=20))
    inside = "https://internal.example"
    with site() as running:
        upstream = Upstream(running, fetcher)
        discovery = upstream.discovery()
        if place == "resource metadata":
            headers = {"WWW-Authenticate": f'Bearer resource_metadata="{inside}/metadata"'}
            running.answers["/mcp"] = answer(b"{}", status="401 Unauthorized", headers=headers)
            detail = (await failure(upstream)).detail
        elif place == "authorization server":
            listed = upstream.resource(authorization_servers=[inside])
            running.answers[f"{RESOURCE_AT}/mcp"] = document(listed)
            detail = (await failure(upstream)).detail
        elif place == "registration":
            members = upstream.server(registration_endpoint=f"{inside}/register")
            server = parse_server_metadata(members, upstream.origin, loopback=True)
            with pytest.raises(UpstreamUnavailableError) as caught:
                await discovery.register(server)
            detail = caught.value.detail
        else:
            members = upstream.server(token_endpoint=f"{inside}/token")
            server = parse_server_metadata(members, upstream.origin, loopback=True)
            assert await discovery.refuses(server, UpstreamClient(client_id="c")) is None
            detail = "a reserved address"
    fetcher.close()
    assert "a reserved address" in (detail or "")
    assert set(connections.hosts) <= {"127.0.0.1"}


async def test_an_mcp_server_cannot_have_many_authorization_servers_considered(upstream: Upstream) -> None:
    issuers = [*(f"https://{number}.example" for number in range(100)), upstream.origin]
    upstream.site.answers[f"{RESOURCE_AT}/mcp"] = document(upstream.resource(authorization_servers=issuers))
    refused = await failure(upstream, issuer=upstream.origin)
    assert refused.reason == "the MCP server does not name the configured issuer"
