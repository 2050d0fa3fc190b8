"""POST /register."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from auth_service.clients.repository import ClientRepository
from auth_service.protocol.client import UNUSED_TTL_S, Client
from tests.auth_service.protocol.software import CLIENTS
from tests.auth_service.service import AuthorizationServer, elsewhere, running
from tests.flow import REDIRECT_URI
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("AS-5")


def post(server: AuthorizationServer, body: Any) -> httpx2.Response:
    return server.http.post(f"{server.origin}/register", json=body)


def stored_client(server: AuthorizationServer, client_id: str) -> Client | None:
    """The client as it is in the store."""
    return server.with_store(lambda store: ClientRepository(store, server.clock).get(client_id))


def test_a_public_client_gets_an_id_and_a_token_to_look_after_itself(server: AuthorizationServer) -> None:
    body = {"client_name": "A", "redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"}
    response = post(server, body)
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    information = response.json()
    client_id, token = information.pop("client_id"), information.pop("registration_access_token")
    assert token.startswith("dw_cr_")
    assert abs(information.pop("client_id_issued_at") - server.clock()) < 10
    assert information == {
        **body,
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "registration_client_uri": f"{server.issuer}/register/{client_id}",
    }


@pytest.mark.parametrize("method", [None, "client_secret_basic", "client_secret_post"])
def test_a_confidential_client_is_shown_its_secret_once(
    server: AuthorizationServer, method: str | None
) -> None:
    body = {"redirect_uris": [REDIRECT_URI], **({"token_endpoint_auth_method": method} if method else {})}
    information = post(server, body).json()
    assert information["client_secret"].startswith("dw_cs_")
    assert information["client_secret_expires_at"] == 0
    assert information["token_endpoint_auth_method"] == method or "client_secret_basic"
    secrets = (information["client_secret"], information["registration_access_token"])
    stored = stored_client(server, information["client_id"])
    assert not any(secret in repr(stored) for secret in secrets)


@pytest.mark.requirement("AS-22")
@pytest.mark.parametrize("client", CLIENTS)
@ON_ONE_STORE
def test_real_clients_can_register(server: AuthorizationServer, client: str) -> None:
    response = post(server, CLIENTS[client][0])
    assert response.status_code == 201, response.text
    information = response.json()
    assert [name for name, value in information.items() if value in (None, "")] == []
    assert information.get("redirect_uris", []) == CLIENTS[client][0].get("redirect_uris", [])


def test_metadata_comes_back_byte_for_byte(server: AuthorizationServer) -> None:
    uris = ["https://CLIENT.example:443/cb/?x=%2f", "http://localhost/", "cursor://a.B/c"]
    names = {"client_name": "Nöte \u202e 🗒 <b>", "client_name#ja": "ノート", "software_version": "1.0 "}
    information = post(server, {"redirect_uris": uris, **names}).json()
    assert information["redirect_uris"] == uris
    assert {name: information[name] for name in names} == names


@pytest.mark.requirement("SEC-13")
def test_no_two_clients_share_anything(server: AuthorizationServer) -> None:
    both = [post(server, {"redirect_uris": [REDIRECT_URI]}).json() for _ in range(2)]
    for member in ("client_id", "client_secret", "registration_access_token", "registration_client_uri"):
        assert both[0][member] != both[1][member]


def test_a_registration_that_is_not_used_is_kept_for_a_day(server: AuthorizationServer) -> None:
    client = server.register()
    unused = stored_client(server, client.client_id)
    assert unused
    assert unused.expires_at == unused.created_at + UNUSED_TTL_S
    server.connect(client)
    used = stored_client(server, client.client_id)
    assert used
    assert used.expires_at is not None
    assert used.expires_at > unused.expires_at + 30 * UNUSED_TTL_S


@pytest.mark.requirement("SEC-17")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"NaN",
        b'{"redirect_uris": ["https://c.example/"], "x": NaN}',
        b'{"redirect_uris": ["https://c.example/"], "x": Infinity}',
        b'{"redirect_uris": ["https://c.example/"], "client_name": "\\ud800"}',
        b'{"redirect_uris": ["https://c.example/"], "client_name": "\xff"}',
        b'{"redirect_uris": ["https://c.example/"], "client_name": 1' + b"0" * 5_000 + b"}",
        b'{"redirect_uris": ' * 2_000,
        b"[" * 60_000,
        b"redirect_uris=https%3A%2F%2Fc.example%2F",
        '{"redirect_uris": ["https://c.example/"]}'.encode("utf-16"),
        b'{"redirect_uris": ["https://c.example/"]} trailing',
        b"\x00",
    ],
)
@ON_ONE_STORE
def test_a_body_that_is_not_json_metadata_is_refused(server: AuthorizationServer, body: bytes) -> None:
    response = server.http.post(f"{server.origin}/register", content=body)
    assert response.status_code == 400
    assert response.json()["error"] == "invalid_client_metadata"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://c.example/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://c.example/#f"]}, "invalid_redirect_uri"),
        (
            {"redirect_uris": ["https://c.example/"], "token_endpoint_auth_method": "x"},
            "invalid_client_metadata",
        ),
        ({"redirect_uris": ["https://c.example/"], "scope": '"'}, "invalid_client_metadata"),
    ],
)
def test_a_refusal_names_the_error_of_rfc_7591(
    server: AuthorizationServer, body: dict[str, Any], error: str
) -> None:
    response = post(server, body)
    assert response.status_code == 400
    assert response.headers["cache-control"] == "no-store"
    assert response.json()["error"] == error
    assert response.json()["error_description"]


@pytest.mark.requirement("SEC-13", "SEC-17")
def test_a_body_without_end_is_refused(server: AuthorizationServer) -> None:
    response = server.http.post(f"{server.origin}/register", content=b"x" * 70_000)
    assert response.status_code == 413
    assert response.json()["error"] == "invalid_request"


@pytest.fixture(scope="module")
def with_brakes(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    with running(new_store(), registrations_per_minute=3, open_client_credentials=False) as server:
        yield server


@pytest.mark.requirement("SEC-13")
def test_one_network_registers_only_so_many_and_bad_ones_count(with_brakes: AuthorizationServer) -> None:
    server = with_brakes
    statuses = [post(server, {"redirect_uris": uris}).status_code for uris in ([], [REDIRECT_URI]) * 2]
    assert statuses == [400, 201, 400, 429]
    refused = post(server, {"redirect_uris": [REDIRECT_URI]})
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.json()["error"] == "temporarily_unavailable"
    with httpx2.Client(transport=elsewhere()) as neighbour:
        body = {"redirect_uris": [REDIRECT_URI]}
        assert neighbour.post(f"{server.origin}/register", json=body).status_code == 201


@pytest.mark.requirement("SEC-13")
def test_a_client_cannot_give_itself_tokens_that_no_user_agreed_to(with_brakes: AuthorizationServer) -> None:
    body = {"redirect_uris": [REDIRECT_URI], "grant_types": ["authorization_code", "client_credentials"]}
    with httpx2.Client(transport=elsewhere()) as http:
        information = http.post(f"{with_brakes.origin}/register", json=body).json()
    assert information["grant_types"] == ["authorization_code"]
    auth = httpx2.BasicAuth(information["client_id"], information["client_secret"])
    response = with_brakes.http.post(
        f"{with_brakes.origin}/token", data={"grant_type": "client_credentials"}, auth=auth
    )
    assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client")
