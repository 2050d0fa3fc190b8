"""The tolerances, the same for every grant type: the table in docs/reference/protocol.md."""

from __future__ import annotations

import base64
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
import pytest

from auth_service.protocol.device import GRANT_TYPE
from tests.auth_service.service import RESOURCE, AuthorizationServer
from tests.flow import REDIRECT_URI, Client, Pkce
from tests.spaces import SPACES
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("AS-5", "AS-11", "AS-21")

METADATA = {"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"}


def register(server: AuthorizationServer, **members: Any) -> httpx2.Response:
    return server.http.post(f"{server.origin}/register", json={**METADATA, **members})


def change(server: AuthorizationServer, **members: Any) -> httpx2.Response:
    information = register(server).json()
    return server.http.put(
        information["registration_client_uri"],
        json={**METADATA, "client_id": information["client_id"], **members},
        headers={"Authorization": f"Bearer {information['registration_access_token']}"},
    )


@pytest.mark.parametrize("leg", [register, change])
@pytest.mark.parametrize(
    ("members", "dropped"),
    [
        ({"client_uri": None, "contacts": [], "scope": ""}, ("client_uri", "contacts", "scope")),
        ({"unknown": {"a": 1}, "tls_client_auth_subject_dn": "x"}, ("unknown", "tls_client_auth_subject_dn")),
        ({"logo_uri": "data:image/png;base64,iVBORw0KGgo="}, ("logo_uri",)),
        ({"logo_uri#de": "DATA:image/svg+xml,%3Csvg/%3E"}, ("logo_uri#de",)),
    ],
)
@ON_ONE_STORE
def test_what_cannot_be_kept_of_a_client_is_dropped(
    server: AuthorizationServer,
    leg: Callable[..., httpx2.Response],
    members: dict[str, Any],
    dropped: tuple[str, ...],
) -> None:
    response = leg(server, **members)
    assert response.status_code in (200, 201), response.text
    assert set(dropped).isdisjoint(response.json())


@pytest.mark.parametrize("leg", [register, change])
def test_grant_types_that_are_not_known_are_dropped(
    server: AuthorizationServer, leg: Callable[..., httpx2.Response]
) -> None:
    response = leg(server, grant_types=["authorization_code", "implicit", "urn:x"], response_types=["token"])
    assert response.json()["grant_types"] == ["authorization_code"]


@pytest.mark.parametrize("space", SPACES)
def test_white_space_after_a_token_is_ignored(server: AuthorizationServer, space: str) -> None:
    client = server.register()
    tokens = server.connect(client, scope="openid notes:read")
    management = client.information["registration_access_token"]
    for url, token in (
        (f"{server.origin}/userinfo", tokens["access_token"]),
        (client.information["registration_client_uri"], management),
    ):
        assert as_it_is(url, f"Bearer {token}{space}") == 200


def as_it_is(url: str, authorization: str) -> int:
    """The status that a GET gets, the header sent as it is: httpx2 refuses to."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc)
    try:
        connection.request("GET", parts.path, headers={"Authorization": authorization})
        return connection.getresponse().status
    finally:
        connection.close()


EVERYTHING = ["authorization_code", "refresh_token", "client_credentials", GRANT_TYPE]


@pytest.fixture
def client(server: AuthorizationServer) -> Client:
    return server.register(grant_types=EVERYTHING, token_endpoint_auth_method="client_secret_basic")


def _raw(text: str) -> str:
    return text


def _form_encoded(text: str) -> str:
    return quote(text, safe="")


def _all_encoded(text: str) -> str:
    return text.replace("-", "%2D").replace("_", "%5F")


def legs(pkce: Pkce) -> dict[str, dict[str, str]]:
    """Every endpoint that authenticates clients, with a request it answers with success."""
    return {
        "token": {"grant_type": "client_credentials", "scope": "notes:read"},
        "par": {
            "response_type": "code",
            "redirect_uri": REDIRECT_URI,
            "code_challenge": pkce.challenge,
            "code_challenge_method": "S256",
        },
        "device_authorization": {},
        "revoke": {"token": "x"},
        "introspect": {"token": "x"},
    }


@pytest.mark.parametrize("path", list(legs(Pkce())))
@pytest.mark.parametrize("spelled", [_raw, _form_encoded, _all_encoded])
@pytest.mark.parametrize("repeats_client_id", [False, True])
@ON_ONE_STORE
def test_basic_credentials_are_read_however_they_are_spelled(
    server: AuthorizationServer,
    client: Client,
    path: str,
    spelled: Callable[[str], str],
    repeats_client_id: bool,
) -> None:
    pair = f"{spelled(client.client_id)}:{spelled(client.information['client_secret'])}"
    body = {**legs(Pkce())[path], **({"client_id": client.client_id} if repeats_client_id else {})}
    headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    response = server.http.post(f"{server.origin}/{path}", data=body, headers=headers)
    assert response.status_code in (200, 201), response.text


@pytest.mark.parametrize("path", list(legs(Pkce())))
@pytest.mark.parametrize("header", ["Bearer of-something-else", "Negotiate YII=", "x"])
@ON_ONE_STORE
def test_only_basic_is_client_authentication_where_the_body_names_the_client(
    server: AuthorizationServer, path: str, header: str
) -> None:
    client = server.register(grant_types=EVERYTHING, token_endpoint_auth_method="client_secret_post")
    credentials = {"client_id": client.client_id, "client_secret": client.information["client_secret"]}
    response = server.http.post(
        f"{server.origin}/{path}",
        data={**legs(Pkce())[path], **credentials},
        headers={"Authorization": header},
    )
    assert response.status_code in (200, 201), response.text


@pytest.mark.parametrize("path", list(legs(Pkce())))
def test_parameters_that_are_not_known_or_are_empty_are_ignored(client: Client, path: str) -> None:
    body = {**legs(Pkce())[path], "unknown": "x", "another": "", "login_hint": "", "request": ""}
    assert client._post(path, body).status_code in (200, 201)  # noqa: SLF001


@pytest.mark.parametrize(
    ("requested", "granted"), [("notes:read unknown", "notes:read"), ("unknown", "notes:read notes:write")]
)
def test_scopes_that_are_not_known_are_dropped_on_every_leg(
    server: AuthorizationServer, client: Client, requested: str, granted: str
) -> None:
    assert server.connect(client, scope=requested)["scope"] == granted
    alone = client.token(grant_type="client_credentials", scope=requested, resource=RESOURCE)
    assert alone.json()["scope"] == granted
    pkce = Pkce()
    name = client._post("par", {**legs(pkce)["par"], "scope": requested}).json()["request_uri"]  # noqa: SLF001
    pushed = server.person.authorize(
        f"{server.origin}/authorize?client_id={client.client_id}&request_uri={quote(name)}"
    )
    assert client.redeem(pushed["code"], pkce).json()["scope"] == granted
    device = client._post("device_authorization", {"scope": requested})  # noqa: SLF001
    assert device.status_code == 200
