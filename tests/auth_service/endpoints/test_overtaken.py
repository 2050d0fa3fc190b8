"""Logins and consents overtaken by what somebody else does to the account or the client meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from tests.auth_service.holding import SOON_S, Holding, holding
from tests.auth_service.service import AuthorizationServer
from tests.cookies import cookie_name
from tests.flow import Client, Person, Pkce, forms_of

OLD, NEW = "the old password", "the new password"


def overtaken(
    store: Holding, act: Callable[[], httpx2.Response], meanwhile: Callable[[], None]
) -> httpx2.Response:
    """Return the result of `act` if `meanwhile` happens while its write is delayed."""
    store.holding = True
    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(act)
        assert store.reached.wait(SOON_S)
        meanwhile()
        store.released.set()
        return acting.result(SOON_S)


def log_in(server: AuthorizationServer, person: Person) -> httpx2.Response:
    form = forms_of(person.open(f"{server.origin}/login").text)[0].fields
    fields = {**form, "username": person.username, "password": person.password}
    return person.browser.post(f"{server.origin}/login", data=fields)


@pytest.mark.requirement("AS-23", "SEC-16")
@pytest.mark.parametrize("change", ["a new password", "a lockout"])
def test_a_login_that_is_overtaken_leaves_no_session(new_store: Callable[[], str], change: str) -> None:
    with holding(new_store(), "doorward:session:") as (server, store):
        person = server.add_user("ada", OLD)

        def meanwhile() -> None:
            if change == "a lockout":
                server.disable_user("ada")
            else:
                server.set_password("ada", NEW)

        assert overtaken(store, lambda: log_in(server, person), meanwhile).status_code == 401
        assert cookie_name(server.issuer, "session") not in person.browser.cookies
        person.close()


@pytest.mark.requirement("AS-23")
def test_a_login_that_waits_and_is_not_overtaken_is_good(new_store: Callable[[], str]) -> None:
    with holding(new_store(), "doorward:session:") as (server, store):
        person = server.add_user("ada", OLD)
        assert overtaken(store, lambda: log_in(server, person), lambda: None).status_code == 303
        assert person.open(f"{server.origin}/account").url.path == "/account"
        person.close()


@pytest.mark.requirement("SEC-6", "SEC-9")
@pytest.mark.parametrize("end", ["the user", "the client"])
def test_a_code_that_is_overtaken_is_never_given(new_store: Callable[[], str], end: str) -> None:
    with holding(new_store(), "doorward:grant:") as (server, store):
        person, client = server.add_user("ada", OLD), server.register(redirect_uris=["https://c.example/"])
        page = person.log_in(person.open(client.authorization_url(Pkce())))

        def meanwhile() -> None:
            if end == "the user":
                server.disable_user("ada")
            else:
                delete(server, client)

        response = overtaken(store, lambda: person.submit(page, {"decision": "allow"}), meanwhile)
        answer = dict(parse_qsl(urlsplit(response.headers["location"]).query))
        assert answer["error"] == "access_denied"
        assert "code" not in answer
        person.close()


@pytest.mark.requirement("SEC-9")
def test_a_token_of_a_clients_own_that_is_overtaken_is_never_given(new_store: Callable[[], str]) -> None:
    with holding(new_store(), "doorward:grant:") as (server, store):
        client = server.register(
            grant_types=["client_credentials"], token_endpoint_auth_method="client_secret_basic"
        )
        response = overtaken(
            store, lambda: client.token(grant_type="client_credentials"), lambda: delete(server, client)
        )
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


def delete(server: AuthorizationServer, client: Client) -> None:
    headers = {"Authorization": f"Bearer {client.information['registration_access_token']}"}
    with httpx2.Client(trust_env=False, timeout=SOON_S) as http:
        response = http.delete(client.information["registration_client_uri"], headers=headers)
    assert response.status_code == 204
