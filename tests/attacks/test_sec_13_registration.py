"""SEC-13: registering gives nobody more than a name, and no name that is somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.auth_service.service import AuthorizationServer, elsewhere, machine, running
from tests.flow import REDIRECT_URI, Pkce

pytestmark = pytest.mark.requirement("SEC-13")

BODY = {"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"}


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    """As it comes: sixty registrations a minute are too many here; clients ask for users' consent only."""
    with running(new_store(), registrations_per_minute=10, open_client_credentials=False) as server:
        yield server


@pytest.fixture(autouse=True)
def _another_network(shared_server: AuthorizationServer) -> Iterator[None]:
    usual = shared_server.http
    with machine(transport=elsewhere()) as shared_server.http:
        yield
    shared_server.http = usual


def test_many_registrations_at_once_get_no_more_than_one_after_the_other(server: AuthorizationServer) -> None:
    def register(_: int) -> int:
        with machine() as http:
            return http.post(f"{server.origin}/register", json=BODY).status_code

    with ThreadPoolExecutor(10) as pool:
        statuses = sorted(pool.map(register, range(30)))
    assert statuses == [201] * 10 + [429] * 20


def test_a_neighbour_can_still_register(server: AuthorizationServer) -> None:
    for _ in range(11):
        last = server.http.post(f"{server.origin}/register", json=BODY)
    assert last.status_code == 429
    with machine(transport=elsewhere()) as neighbour:
        assert neighbour.post(f"{server.origin}/register", json=BODY).status_code == 201


def test_an_address_that_the_caller_made_up_counts_for_nothing(server: AuthorizationServer) -> None:
    statuses = [
        server.http.post(
            f"{server.origin}/register",
            json=BODY,
            headers={"X-Forwarded-For": f"192.0.2.{n}", "Forwarded": f"for=192.0.2.{n}", "X-Real-IP": "::1"},
        ).status_code
        for n in range(11)
    ]
    assert statuses == [201] * 10 + [429]


@pytest.mark.parametrize(
    "more",
    [
        {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_basic"},
        {"grant_types": ["authorization_code", "password"]},
        {"scope": "openid admin notes:read"},
        {"trusted": True, "first_party": True, "skip_consent": True, "verified": True},
        {"id": "x", "created_at": 0, "expires_at": 0, "secret_hash": "x"},
        {"client_id": "resource", "client_secret": "mine", "registration_access_token": "mine"},
        {"metadata": {"client_name": "x"}, "fresh_until": 9_999_999_999, "__proto__": {}, "domain": "x"},
    ],
)
def test_a_client_cannot_give_itself_a_privilege(
    server: AuthorizationServer, more: dict[str, object]
) -> None:
    client = server.register(**{**BODY, **more})
    assert client.client_id != more.get("client_id")
    assert "client_credentials" not in client.information["grant_types"]
    assert "password" not in client.information["grant_types"]
    for name in more:
        if name not in ("grant_types", "scope", "token_endpoint_auth_method", "client_id", "client_secret"):
            assert client.information.get(name) != more[name]
    response = client.token(grant_type="client_credentials")
    assert response.json()["error"] == "unauthorized_client"
    if "authorization_code" in client.information["grant_types"]:
        page = server.person.open(client.authorization_url(Pkce()))
        page = server.person.log_in(page) if "password" in page.text else page
        assert page.url.path == "/consent"
        assert "unverified" in page.text
