"""SEC-2: a parameter that comes twice is never taken for one of the two."""

from __future__ import annotations

import base64
from urllib.parse import urlencode

import pytest

from tests.attacks.raw import request_bytes, send
from tests.auth_service.service import RESOURCE_SECRET, AuthorizationServer
from tests.flow import Pkce
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("SEC-2")

FORM = [("Content-Type", b"application/x-www-form-urlencoded")]
AUTHORIZATION = [
    *("client_id", "redirect_uri", "response_type", "state", "scope", "code_challenge", "nonce", "prompt"),
    *("code_challenge_method", "response_mode", "max_age", "login_hint", "request", "request_uri"),
]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", [*AUTHORIZATION, "made_up"])
@ON_ONE_STORE
def test_an_authorization_request_with_a_parameter_twice_is_a_page(
    server: AuthorizationServer, name: str, method: str
) -> None:
    client = server.register()
    url, _, query = client.authorization_url(Pkce()).partition("?")
    for twice in (f"{name}=a&{name}=a", f"{name}=a&{name}=b", f"{name}=&{name}=a"):
        encoded = f"{query}&{twice}"
        if method == "GET":
            response = server.http.get(f"{url}?{encoded}")
        else:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            response = server.http.post(url, content=encoded, headers=headers)
        assert response.status_code == 400
        assert "location" not in response.headers
        assert "more than once" in response.text


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *(("/token", name) for name in ("grant_type", "code", "refresh_token", "client_id", "client_secret")),
        *(("/token", name) for name in ("scope", "code_verifier", "redirect_uri")),
        *(("/revoke", name) for name in ("token", "token_type_hint", "client_id", "client_secret")),
        *(("/introspect", name) for name in ("token", "client_id", "client_secret")),
        ("/userinfo", "access_token"),
    ],
)
@ON_ONE_STORE
def test_a_machines_request_with_a_parameter_twice_is_refused(
    server: AuthorizationServer, path: str, name: str
) -> None:
    client = server.register(token_endpoint_auth_method="client_secret_post")
    tokens = server.connect(client, scope="openid notes:read")
    good = {
        "/token": {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        "/revoke": {"token": tokens["access_token"]},
        "/introspect": {"token": tokens["access_token"]},
        "/userinfo": {"access_token": tokens["access_token"]},
    }[path]
    own = {"client_id": client.client_id, "client_secret": client.information["client_secret"]}
    pairs = list({**good, **(own if path != "/userinfo" else {})}.items())
    value = dict(pairs).get(name, "x")
    twice = [*(pair for pair in pairs if pair[0] != name), (name, value), (name, value)]
    response = server.http.post(
        f"{server.origin}{path}",
        content=urlencode(twice),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert server.is_active(tokens["access_token"])


def test_two_resources_are_not_one(server: AuthorizationServer) -> None:
    client = server.register()
    url = client.authorization_url(Pkce(), resource="https://mcp.example/mcp")
    response = server.http.get(f"{url}&resource=https%3A%2F%2Fevil.example%2F")
    assert response.status_code == 400
    assert "<code>invalid_target</code>" in response.text


@pytest.mark.parametrize("path", ["/token", "/introspect", "/revoke"])
def test_two_authorization_headers_are_refused(server: AuthorizationServer, path: str) -> None:
    pair = base64.b64encode(f"resource:{RESOURCE_SECRET}".encode())
    headers = [*FORM, ("Authorization", b"Basic " + pair), ("authorization", b"Basic " + pair)]
    answer = send(server, request_bytes("POST", path, headers, b"token=x&grant_type=client_credentials"))
    assert answer.status == 400
    assert '"invalid_request"' in answer.body


def test_two_bearer_tokens_are_refused(server: AuthorizationServer) -> None:
    bearer = ("Authorization", f"Bearer {server.connect(scope='openid')['access_token']}".encode())
    assert send(server, request_bytes("GET", "/userinfo", [bearer])).status == 200
    assert send(server, request_bytes("GET", "/userinfo", [bearer, bearer])).status == 401


@pytest.mark.parametrize("name", ["csrf", "username", "password", "pending"])
def test_a_page_takes_no_field_twice(server: AuthorizationServer, name: str) -> None:
    fields = [("csrf", "x"), ("username", "wesen"), ("password", "secret"), ("pending", "x")]
    response = server.http.post(
        f"{server.origin}/login",
        content=urlencode([*fields, (name, "x")]),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert response.status_code == 400
    assert "set-cookie" not in response.headers
