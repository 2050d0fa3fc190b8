"""Errors of authorization requests: which are redirected, and which a person is shown first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from auth_service.clients.repository import ClientRepository
from tests.auth_service.service import AuthorizationServer
from tests.flow import Client, Person, Pkce, asks_for_nothing, forms_of, offers_to_go_back

pytestmark = pytest.mark.requirement("AS-10", "SEC-1")

CALLBACK = "https://client.example/cb?tenant=1"
APP, LOOPBACK = "com.example.app:/cb", "http://127.0.0.1:4711/cb"
PLACES = (CALLBACK, LOOPBACK, APP)
MISTAKES: tuple[dict[str, str | None], ...] = (
    {"scope": '"'},
    {"response_type": "token"},
    {"code_challenge": None},
    {"resource": "https://other.example/mcp"},
    {"prompt": "create"},
    {"prompt": "none login"},
    {"max_age": "x"},
    {"id_token_hint": "e30.e30.e30"},
    {"claims": '{"id_token": {"acr": {"essential": true, "value": "gold"}}}'},
)


@pytest.fixture
def visitor() -> Iterator[Person]:
    """Somebody who was never here before."""
    person = Person(trust_env=False)
    yield person
    person.close()


def is_error_page(response: httpx2.Response) -> bool:
    """Whether it is the page, and sends nobody anywhere."""
    return offers_to_go_back(response) and not {"location", "refresh"} & response.headers.keys()


def redirect_parameters(response: httpx2.Response) -> dict[str, str]:
    """The parameters of a redirect to the client."""
    assert response.status_code == 303, response.text
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("changes", MISTAKES, ids=str)
def test_an_error_of_a_client_that_the_person_never_approved_is_a_page(
    server: AuthorizationServer, visitor: Person, place: str, changes: dict[str, str | None]
) -> None:
    client = server.register(redirect_uris=[place], client_name="<b>Lamp</b>")
    page = visitor.open(client.authorization_url(Pkce(), **changes))
    assert is_error_page(page)
    assert "&lt;b&gt;Lamp&lt;/b&gt;" in page.text
    assert "<script" not in page.text
    answer = redirect_parameters(visitor.submit(page, {}))
    assert answer.keys() >= {"error", "error_description", "state", "iss"}
    assert "code" not in answer


def test_the_button_redirects_to_the_registered_uri_byte_for_byte(
    server: AuthorizationServer, visitor: Person
) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    page = visitor.open(client.authorization_url(Pkce(), scope='"'))
    assert visitor.submit(page, {}).headers["location"].startswith(f"{CALLBACK}&error=invalid_scope&")


@pytest.mark.parametrize("place", PLACES)
def test_an_error_is_redirected_to_a_client_that_the_person_approved_before(
    server: AuthorizationServer, place: str
) -> None:
    client, person = server.register(redirect_uris=[place]), Person(trust_env=False)
    client.connect(person)
    assert (
        redirect_parameters(person.open(client.authorization_url(Pkce(), scope='"')))["error"]
        == "invalid_scope"
    )
    person.close()


def test_an_approval_counts_for_its_person_its_client_and_its_redirect_uri(
    server: AuthorizationServer, visitor: Person
) -> None:
    client = server.register(redirect_uris=[CALLBACK, APP])
    client.connect(server.person, redirect_uri=CALLBACK)
    url = client.authorization_url(Pkce(), scope='"')
    assert redirect_parameters(server.person.open(url))["error"] == "invalid_scope"
    assert is_error_page(visitor.open(url))
    assert is_error_page(server.person.open(client.authorization_url(Pkce(), scope='"', redirect_uri=APP)))
    another = server.register(redirect_uris=[CALLBACK])
    assert is_error_page(server.person.open(another.authorization_url(Pkce(), scope='"')))


def test_an_approval_that_was_taken_back_counts_no_more(server: AuthorizationServer) -> None:
    client, person = server.register(redirect_uris=[CALLBACK]), Person(trust_env=False)
    client.connect(person)
    server.with_store(lambda store: ClientRepository(store, server.clock).delete(client.client_id))
    assert person.open(client.authorization_url(Pkce(), scope='"')).status_code == 400
    person.close()


@pytest.mark.requirement("AS-17")
@pytest.mark.parametrize("changes", [{}, {"scope": '"'}, {"claims": "{"}, {"max_age": "x"}], ids=str)
def test_a_silent_request_is_answered_silently_on_the_web_and_on_loopback_only(
    server: AuthorizationServer, visitor: Person, changes: dict[str, str | None]
) -> None:
    client = server.register(redirect_uris=list(PLACES))
    for place in (CALLBACK, LOOPBACK):
        url = client.authorization_url(Pkce(), redirect_uri=place, prompt="none", **changes)
        assert "error" in redirect_parameters(visitor.open(url))
    assert is_error_page(
        visitor.open(client.authorization_url(Pkce(), redirect_uri=APP, prompt="none", **changes))
    )


def test_a_client_that_the_operator_made_is_told_at_once(
    server: AuthorizationServer, visitor: Person
) -> None:
    client = server.operator_registers(
        client_name="Ours",
        grant_types=["authorization_code"],
        redirect_uris=[CALLBACK],
        token_endpoint_auth_method="client_secret_basic",
    )
    assert (
        redirect_parameters(visitor.open(client.authorization_url(Pkce(), scope='"')))["error"]
        == "invalid_scope"
    )


@pytest.mark.requirement("AS-25")
def test_deny_redirects_to_the_client_at_once(server: AuthorizationServer) -> None:
    client, person = server.register(redirect_uris=[APP]), Person(trust_env=False)
    page = person.log_in(person.open(client.authorization_url(Pkce())))
    assert redirect_parameters(person.submit(page, {"decision": "deny"}))["error"] == "access_denied"
    person.close()


@pytest.mark.requirement("ID-10")
def test_an_error_that_was_shown_is_shown_again(server: AuthorizationServer) -> None:
    client, other = server.register(redirect_uris=[APP]), server.register(redirect_uris=[CALLBACK])
    person, somebody = Person(trust_env=False), server.add_user("somebody-else", "secret of another")
    hint = other.connect(somebody, scope="openid")["id_token"]
    page = person.log_in(person.open(client.authorization_url(Pkce(), id_token_hint=hint)))
    assert is_error_page(page)
    assert is_error_page(person.open(str(page.url)))
    assert redirect_parameters(person.submit(page, {}))["error"] == "login_required"
    person.close()
    somebody.close()


BENT: tuple[dict[str, Any], ...] = (
    {"csrf": None},
    {"csrf": "x"},
    {"client_id": "unknown"},
    {"redirect_uri": "https://evil.example/"},
    {"redirect_uri": "javascript:alert(1)"},
    {"error": "<script>"},
    {"error": None},
)


@pytest.mark.requirement("AS-23", "AS-24")
@pytest.mark.parametrize("changes", BENT, ids=str)
def test_nobody_is_sent_back_by_a_form_that_is_not_the_one_on_the_page(
    server: AuthorizationServer, visitor: Person, changes: dict[str, str | None]
) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    page = visitor.open(client.authorization_url(Pkce(), scope='"'))
    refused = visitor.submit(page, changes)
    assert refused.status_code == 400
    assert "location" not in refused.headers


@pytest.mark.requirement("AS-23")
def test_a_form_of_one_browser_sends_no_other_browser_anywhere(
    server: AuthorizationServer, visitor: Person
) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    page = visitor.open(client.authorization_url(Pkce(), scope='"'))
    fields = forms_of(page.text)[0].fields
    for browser in (server.http, server.person.browser):
        refused = browser.post(f"{server.origin}/authorize", data=fields)
        assert refused.status_code == 400
        assert "location" not in refused.headers


def test_a_registration_from_before_a_scheme_was_refused_is_not_redirected_to(
    server: AuthorizationServer, visitor: Person
) -> None:
    uri = "ms-officecmd:x"
    client = server.operator_registers(
        client_name="Old",
        grant_types=["authorization_code"],
        redirect_uris=[uri],
        post_logout_redirect_uris=[uri],
        token_endpoint_auth_method="none",
    )
    for changes in ({}, {"redirect_uri": None}, {"scope": '"'}, {"prompt": "none"}):
        response = visitor.open(client.authorization_url(Pkce(), **changes))
        assert response.status_code == 400
        assert asks_for_nothing(response.text)
    logout = f"{server.origin}/logout?client_id={client.client_id}&post_logout_redirect_uri={uri}"
    assert visitor.open(logout).status_code == 400


@pytest.mark.parametrize("member", ["redirect_uris", "post_logout_redirect_uris"])
def test_a_scheme_that_starts_programs_is_refused_wherever_a_client_registers(
    server: AuthorizationServer, member: str
) -> None:
    body = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none", member: ["ms-officecmd:x"]}
    refused = server.http.post(f"{server.origin}/register", json=body)
    assert refused.status_code == 400
    client: Client = server.register(redirect_uris=[CALLBACK])
    token = client.information["registration_access_token"]
    changed = server.http.put(
        client.information["registration_client_uri"],
        json={**body, "client_id": client.client_id},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert changed.status_code == 400
