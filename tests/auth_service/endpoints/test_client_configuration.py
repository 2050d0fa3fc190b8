"""GET, PUT and DELETE /register/{client_id}."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.auth_service.service import AuthorizationServer, machine
from tests.flow import REDIRECT_URI, Client, Pkce

pytestmark = pytest.mark.requirement("AS-6")

BODY = {"client_name": "New", "redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"}


def call(server: AuthorizationServer, client: Client, method: str, **options: Any) -> httpx2.Response:
    """A request with the client's own registration access token."""
    headers = {"Authorization": f"Bearer {client.information['registration_access_token']}"}
    uri = client.information["registration_client_uri"]
    return server.http.request(method, uri, headers=headers, **options)


def authenticates(server: AuthorizationServer, client_id: str, secret: str) -> bool:
    """Whether the secret is the client's."""
    response = server.http.post(
        f"{server.origin}/introspect", data={"token": "x"}, auth=httpx2.BasicAuth(client_id, secret)
    )
    return response.status_code == 200


def test_a_client_reads_what_it_registered_but_no_secret(server: AuthorizationServer) -> None:
    for method in ("none", "client_secret_basic"):
        client = server.register(token_endpoint_auth_method=method)
        response = call(server, client, "GET")
        assert response.status_code == 200
        assert response.headers["cache-control"] == "no-store"
        registered = {k: v for k, v in client.information.items() if k != "client_secret"}
        assert response.json() == registered


def test_head_is_answered_like_get(server: AuthorizationServer) -> None:
    response = call(server, server.register(), "HEAD")
    assert (response.status_code, response.content) == (200, b"")


def test_a_change_replaces_everything_but_who_the_client_is(server: AuthorizationServer) -> None:
    client = server.register(scope="notes:read", software_id="s", client_uri="https://client.example/")
    response = call(server, client, "PUT", json={"client_id": client.client_id, **BODY})
    assert response.status_code == 200
    changed = response.json()
    assert changed == call(server, client, "GET").json()
    assert {"scope", "software_id", "client_uri"}.isdisjoint(changed)
    assert (changed["client_name"], changed["grant_types"]) == ("New", ["authorization_code"])
    for member in (
        "client_id",
        "client_id_issued_at",
        "registration_access_token",
        "registration_client_uri",
    ):
        assert changed[member] == client.information[member]


def test_a_new_redirect_uri_counts_at_once_and_the_old_one_no_more(server: AuthorizationServer) -> None:
    client = server.register(redirect_uris=["https://old.example/cb"])
    call(server, client, "PUT", json={**BODY, "redirect_uris": ["https://new.example/cb"]})
    for uri, status in (("https://old.example/cb", 400), ("https://new.example/cb", 303)):
        assert server.http.get(client.authorization_url(Pkce(), redirect_uri=uri)).status_code == status


def test_a_client_that_becomes_confidential_gets_a_secret_and_must_use_it(
    server: AuthorizationServer,
) -> None:
    client = server.register()
    changed = call(server, client, "PUT", json={**BODY, "token_endpoint_auth_method": "client_secret_basic"})
    assert changed.json()["client_secret_expires_at"] == 0
    assert authenticates(server, client.client_id, changed.json()["client_secret"])
    refused = client.token(grant_type="authorization_code", code="x")
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    again = call(server, client, "PUT", json={**BODY, "token_endpoint_auth_method": "client_secret_post"})
    assert "client_secret" not in again.json()
    assert authenticates(server, client.client_id, changed.json()["client_secret"])


def test_a_client_that_becomes_public_no_longer_has_a_secret(server: AuthorizationServer) -> None:
    client = server.register(token_endpoint_auth_method="client_secret_basic")
    secret = client.information["client_secret"]
    changed = call(server, client, "PUT", json={**BODY, "client_secret": secret}).json()
    assert {"client_secret", "client_secret_expires_at"}.isdisjoint(changed)
    assert not authenticates(server, client.client_id, secret)


def test_of_many_changes_at_once_every_secret_that_is_shown_is_good(server: AuthorizationServer) -> None:
    client = server.register()
    body = {**BODY, "token_endpoint_auth_method": "client_secret_basic"}

    def change(_: int) -> dict[str, Any]:
        with machine() as http:
            headers = {"Authorization": f"Bearer {client.information['registration_access_token']}"}
            uri = client.information["registration_client_uri"]
            information: dict[str, Any] = http.put(uri, headers=headers, json=body).json()
            return information

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(change, range(24)))
    (secret,) = {answer["client_secret"] for answer in answers if "client_secret" in answer}
    assert authenticates(server, client.client_id, secret)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({**BODY, "client_id": "another"}, "invalid_client_metadata"),
        ({**BODY, "client_id": 1}, "invalid_client_metadata"),
        ({**BODY, "client_id": ["x"]}, "invalid_client_metadata"),
        ({**BODY, "client_secret": "chosen"}, "invalid_client_metadata"),
        ({**BODY, "client_secret": 1}, "invalid_client_metadata"),
        ({**BODY, "redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({**BODY, "redirect_uris": []}, "invalid_redirect_uri"),
        ({**BODY, "token_endpoint_auth_method": "x"}, "invalid_client_metadata"),
        ([], "invalid_client_metadata"),
        ("text", "invalid_client_metadata"),
        (None, "invalid_client_metadata"),
    ],
)
@pytest.mark.requirement("SEC-13")
def test_a_change_that_is_not_good_changes_nothing(
    server: AuthorizationServer, body: Any, error: str
) -> None:
    client = server.register()
    before = call(server, client, "GET").json()
    response = call(server, client, "PUT", json=body)
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert call(server, client, "GET").json() == before


@pytest.mark.requirement("SEC-13")
def test_a_change_gives_no_more_than_a_registration_would(server: AuthorizationServer) -> None:
    client = server.register(token_endpoint_auth_method="client_secret_basic")
    body = {
        **BODY,
        "grant_types": ["client_credentials"],
        "registration_access_token": "chosen",
        "client_id_issued_at": 0,
    }
    response = call(server, client, "PUT", json=body)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")


@pytest.mark.requirement("SEC-7", "AS-16")
def test_a_deleted_client_is_gone_with_all_it_was_granted(server: AuthorizationServer) -> None:
    client = server.register()
    tokens = server.connect(client)
    assert server.is_active(tokens["access_token"])
    response = call(server, client, "DELETE")
    assert (response.status_code, response.content) == (204, b"")
    assert not server.is_active(tokens["access_token"])
    refused = client.refresh(tokens["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    for method in ("GET", "PUT", "DELETE"):
        assert call(server, client, method, json=BODY if method == "PUT" else None).status_code == 401


@pytest.mark.requirement("SEC-7")
def test_a_client_deleted_while_a_person_decides_gets_no_code(server: AuthorizationServer) -> None:
    client = server.register()
    page = server.person.open(client.authorization_url(Pkce()))
    if "password" in page.text:
        page = server.person.log_in(page)
    call(server, client, "DELETE")
    page = server.person.submit(page, {"decision": "allow"})
    assert page.status_code == 400
    assert "not registered" in page.text


@pytest.mark.requirement("SEC-13")
def test_only_its_own_token_manages_a_client(server: AuthorizationServer) -> None:
    client = server.register(token_endpoint_auth_method="client_secret_basic")
    other = server.register()
    tokens = server.connect(client, scope="notes:read offline_access")
    uri = client.information["registration_client_uri"]
    token = client.information["registration_access_token"]
    headers: list[list[tuple[str, str]]] = [
        [],
        [("Authorization", f"Bearer {other.information['registration_access_token']}")],
        [("Authorization", f"Bearer {tokens['access_token']}")],
        [("Authorization", f"Bearer {tokens['refresh_token']}")],
        [("Authorization", f"Bearer {client.information['client_secret']}")],
        [("Authorization", f"Bearer {token[:-1]}")],
        [("Authorization", f"Bearer {token} x")],
        [("Authorization", "Bearer")],
        [("Authorization", token)],
        [("Authorization", f"Basic {token}")],
        [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")],
    ]
    for presented in headers:
        for method in ("GET", "PUT", "DELETE"):
            response = server.http.request(
                method, uri, headers=presented, json=BODY if method == "PUT" else None
            )
            assert (response.status_code, response.json()["error"]) == (401, "invalid_token")
            assert response.headers["www-authenticate"].startswith("Bearer")
    query = server.http.get(uri, params={"access_token": token})
    assert query.status_code == 401
    assert call(server, client, "GET").json()["client_name"] == "A test client"


@pytest.mark.requirement("SEC-13")
def test_whether_a_client_exists_cannot_be_learned(server: AuthorizationServer) -> None:
    headers = {"Authorization": "Bearer dw_cr_x"}
    response = server.http.get(server.register().information["registration_client_uri"], headers=headers)
    unknown = server.http.get(f"{server.origin}/register/unknown", headers=headers)
    assert response.status_code == unknown.status_code == 401
    assert {**response.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}
    assert response.headers["www-authenticate"] == unknown.headers["www-authenticate"]
