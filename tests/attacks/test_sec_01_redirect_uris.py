"""SEC-1: no trick with a redirect URI sends a code, or a browser, to somebody else."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.auth_service.protocol.refused_redirect_uris import NEVER
from tests.auth_service.service import AuthorizationServer
from tests.flow import Pkce, asks_for_nothing
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("SEC-1", "AS-10")

REGISTERED = "https://client.example/cb?tenant=1"
LOOPBACK = "http://127.0.0.1:53682/callback"
SCHEME = "com.example.app:/cb"

TRICKS = [
    "https://evil.example/cb?tenant=1",
    "https://client.example@evil.example/cb?tenant=1",
    "https://client.example:pw@evil.example/cb?tenant=1",
    "https://evil.example#@client.example/cb?tenant=1",
    "https://evil.example\\@client.example/cb?tenant=1",
    "https://client.example\\@evil.example/cb?tenant=1",
    "https://client.example.evil.example/cb?tenant=1",
    "https://client.exampleevil.example/cb?tenant=1",
    "https://evil-client.example/cb?tenant=1",
    "https://sub.client.example/cb?tenant=1",
    "https://client.example./cb?tenant=1",
    "https://CLIENT.example/cb?tenant=1",
    "HTTPS://client.example/cb?tenant=1",
    "http://client.example/cb?tenant=1",
    "https://client.example:443/cb?tenant=1",
    "https://client.example:8443/cb?tenant=1",
    "https://client.example/cb/../evil?tenant=1",
    "https://client.example/cb/..;/evil?tenant=1",
    "https://client.example/cb%2f..%2fevil?tenant=1",
    "https://client.example/x/../cb?tenant=1",
    "https://client.example/./cb?tenant=1",
    "https://client.example//cb?tenant=1",
    "https://client.example/CB?tenant=1",
    "https://client.example/c%62?tenant=1",
    "https://client.example/cb",
    "https://client.example/cb?tenant=1&next=https://evil.example",
    "https://client.example/cb?tenant=2",
    "https://client.example/cb?tenant=1#",
    "https://client.example/cb?tenant=1#fragment",
    "https://client.example/cb?tenant=1%23",
    "https://client.example/cb?tenant=1 ",
    " https://client.example/cb?tenant=1",
    "https://client.example/cb?tenant=1\t",
    "https://client.example/cb?tenant=1\r\nSet-Cookie: x=1",
    "https://clıent.example/cb?tenant=1",
    "https://client。example/cb?tenant=1",
    "//client.example/cb?tenant=1",
    "/cb?tenant=1",
    "client.example/cb?tenant=1",
    "javascript:alert(1)//https://client.example/cb?tenant=1",
    "data:text/html,https://client.example/cb?tenant=1",
    "http://127.0.0.1.evil.example:53682/callback",
    "http://127.0.0.1:53682@evil.example/callback",
    "http://127.0.0.1@evil.example:53682/callback",
    "http://localhost:53682/callback",
    "http://[::1]:53682/callback",
    "http://[::ffff:127.0.0.1]:53682/callback",
    "http://0.0.0.0:53682/callback",
    "http://2130706433:53682/callback",
    "http://0x7f000001:53682/callback",
    "http://017700000001:53682/callback",
    "http://0177.0.0.1:53682/callback",
    "http://127.1:53682/callback",
    "http://127.0.0.2:53682/callback",
    "http://127.0.0.1:53682/callback/../evil",
    "http://127.0.0.1:53682/callback?x",
    "http://127.0.0.1:99999/callback",
    "http://127.0.0.1:５３６８２/callback",
    "http://127.0.0.1:/callback",
    "https://127.0.0.1:53682/callback",
    "com.example.app://cb",
    "com.example.app:/cb/",
    "com.example.app:/cb?x",
    "com.example.apps:/cb",
    "COM.example.app:/cb",
]


@pytest.mark.parametrize("uri", TRICKS)
@ON_ONE_STORE
def test_a_uri_that_only_looks_like_the_registered_one_is_never_redirected_to(
    server: AuthorizationServer, uri: str
) -> None:
    client = server.register(redirect_uris=[REGISTERED, LOOPBACK, SCHEME])
    for changes in ({}, {"prompt": "none"}, {"scope": '"'}, {"response_mode": "form_post"}):
        url = client.authorization_url(Pkce(), redirect_uri=uri, **changes)
        response = server.person.browser.get(url)
        assert response.status_code == 400
        assert "location" not in response.headers
        assert "refresh" not in response.headers
        assert asks_for_nothing(response.text)
        assert "evil.example" not in response.text


@pytest.mark.parametrize(
    "encode", [quote, lambda uri: quote(quote(uri)), lambda uri: uri.replace("/", "%2F")]
)
def test_encoding_it_twice_makes_it_another_uri(server: AuthorizationServer, encode: object) -> None:
    client = server.register(redirect_uris=[REGISTERED])
    encoded = encode(REGISTERED)  # type: ignore[operator]
    response = server.http.get(client.authorization_url(Pkce(), redirect_uri=encoded))
    assert response.status_code == 400


def test_of_two_uris_neither_is_taken(server: AuthorizationServer) -> None:
    client = server.register(redirect_uris=[REGISTERED])
    url = client.authorization_url(Pkce())
    for more in (
        "redirect_uri=https%3A%2F%2Fevil.example%2F",
        "redirect%5Furi=https%3A%2F%2Fevil.example%2F",
    ):
        for spelled in (f"{url}&{more}", url.replace("?", f"?{more}&")):
            response = server.http.get(spelled)
            assert response.status_code == 400
            assert "location" not in response.headers


def test_the_uri_of_another_client_is_not_ones_own(server: AuthorizationServer) -> None:
    server.register(redirect_uris=["https://evil.example/cb"])
    client = server.register(redirect_uris=[REGISTERED])
    response = server.http.get(client.authorization_url(Pkce(), redirect_uri="https://evil.example/cb"))
    assert response.status_code == 400


@pytest.mark.parametrize("uri", NEVER)
@ON_ONE_STORE
def test_a_place_that_could_be_somebody_elses_cannot_be_registered(
    server: AuthorizationServer, uri: str
) -> None:
    for redirect_uris in ([uri], [REGISTERED, uri]):
        body = {"redirect_uris": redirect_uris, "token_endpoint_auth_method": "none"}
        response = server.http.post(f"{server.origin}/register", json=body)
        assert response.status_code == 400
        assert response.json()["error"] == "invalid_redirect_uri"


def test_the_code_is_sent_only_to_the_requested_redirect_uri(server: AuthorizationServer) -> None:
    client, pkce = server.register(redirect_uris=[REGISTERED, LOOPBACK]), Pkce()
    code = server.person.authorize(client.authorization_url(pkce, redirect_uri=REGISTERED))["code"]
    for other in (LOOPBACK, "https://evil.example/cb", REGISTERED + "&"):
        assert client.redeem(code, pkce, redirect_uri=other).json()["error"] == "invalid_grant"
    assert client.redeem(code, pkce, redirect_uri=REGISTERED).status_code == 200
