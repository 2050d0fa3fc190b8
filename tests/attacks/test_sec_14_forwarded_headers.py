"""SEC-14: what a caller writes into Host and X-Forwarded headers changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.attacks.raw import Answer, send
from tests.auth_service.service import AuthorizationServer, machine, running
from tests.flow import REDIRECT_URI, Pkce
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("SEC-14", "AS-3")

EVIL = "evil.example"
HEADERS = {
    "Host": EVIL,
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "6666",
    "X-Forwarded-Prefix": "/evil.example",
    "X-Forwarded-Server": EVIL,
    "X-Forwarded-For": "192.0.2.1",
    "X-Original-URL": "/evil.example",
    "X-Rewrite-URL": "/evil.example",
    "X-Original-Host": EVIL,
    "X-HTTP-Method-Override": "DELETE",
    "Forwarded": f"host={EVIL};proto=https;for=192.0.2.1",
    "Origin": f"https://{EVIL}",
    "Referer": f"https://{EVIL}/",
}


@pytest.mark.parametrize(
    "path",
    [
        *("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/jwks"),
        *("/openapi.json", "/docs", "/login", "/account", "/authorize", "/consent", "/health", "/nowhere"),
        *("/token", "/register", "/userinfo", "/register/x", "/static", "/token/", "/docs/"),
    ],
)
@ON_ONE_STORE
def test_no_answer_depends_on_the_name_we_were_called_by(server: AuthorizationServer, path: str) -> None:
    plain = server.get(path)
    odd = server.get(path, **HEADERS)
    assert odd.status_code == plain.status_code
    assert EVIL not in odd.text
    assert not any(EVIL in value for value in odd.headers.values())
    if plain.headers.get("content-type") == "application/json" and plain.status_code == 200:
        assert odd.content == plain.content


def test_a_registration_is_managed_where_the_issuer_says(server: AuthorizationServer) -> None:
    body = {"redirect_uris": [REDIRECT_URI]}
    response = server.http.post(f"{server.origin}/register", json=body, headers=HEADERS)
    assert response.json()["registration_client_uri"].startswith(f"{server.issuer}/register/")


def test_redirects_lead_where_the_issuer_is(server: AuthorizationServer) -> None:
    client = server.register(redirect_uris=["https://client.example/cb"])
    begun = server.http.get(client.authorization_url(Pkce()), headers=HEADERS)
    assert begun.headers["location"].startswith("login?pending=")
    assert "Domain" not in begun.headers["set-cookie"]
    refused = server.http.get(client.authorization_url(Pkce(), prompt="none"), headers=HEADERS)
    assert refused.headers["location"].startswith("https://client.example/cb?")
    assert "iss=http%3A%2F%2F127.0.0.1" in refused.headers["location"]


@pytest.mark.requirement("SEC-17")
@pytest.mark.parametrize(
    "host", [b"[", b"[::1", b"a b", b"", b"\xff", b"evil.example:99999", b"a@b", b"a/b", b"a#b", b"x" * 9_000]
)
@ON_ONE_STORE
def test_an_invalid_name_has_no_effect(server: AuthorizationServer, host: bytes) -> None:
    for line in (b"GET /token HTTP/1.1", b"POST /token HTTP/1.1", b"GET /authorize?client_id=x HTTP/1.1"):
        request = line + b"\r\nHost: " + host + b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        answer: Answer = send(server, request)
        assert 400 <= answer.status < 500


def test_no_name_at_all_breaks_nothing(server: AuthorizationServer) -> None:
    assert send(server, b"GET /jwks HTTP/1.0\r\n\r\n").status == 200
    assert send(server, b"GET /token HTTP/1.0\r\n\r\n").status == 405


@pytest.fixture(scope="module")
def behind_a_proxy(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    """Believes the X-Forwarded-For of loopback."""
    with running(new_store(), trusted_proxies="127.0.0.0/8", registrations_per_minute=2) as server:
        yield server


@pytest.mark.requirement("SEC-16")
def test_behind_a_trusted_proxy_each_client_of_it_is_a_network(behind_a_proxy: AuthorizationServer) -> None:
    def register(forwarded_for: str) -> int:
        with machine() as http:
            body, headers = {"redirect_uris": [REDIRECT_URI]}, {"X-Forwarded-For": forwarded_for}
            return http.post(f"{behind_a_proxy.origin}/register", json=body, headers=headers).status_code

    assert [register("192.0.2.1") for _ in range(3)] == [201, 201, 429]
    assert register("192.0.2.2") == 201
    # What the client itself wrote stands to the left of what the proxy added.
    assert register("198.51.100.9, 192.0.2.1") == 429
    assert register("192.0.2.1, 192.0.2.3") == 201


def test_behind_a_trusted_proxy_no_url_comes_from_a_header_either(
    behind_a_proxy: AuthorizationServer,
) -> None:
    headers = {**HEADERS, "X-Forwarded-For": "192.0.2.200"}
    metadata = behind_a_proxy.get("/.well-known/openid-configuration", **headers)
    assert metadata.json()["issuer"] == behind_a_proxy.issuer
    assert EVIL not in metadata.text
