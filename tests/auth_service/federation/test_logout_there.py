"""A logout here that continues at the provider, and comes back."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import jwt
import pytest

from auth_service.federation.discovery import FRESH_S, STALE_S
from auth_service.federation.id_tokens import LONGEST_HINT
from tests.auth_service.federation.provider import CLIENT_ID, FakeProvider, FederatedPerson
from tests.auth_service.service import AuthorizationServer
from tests.e2e.dump import dump
from tests.flow import Person

pytestmark = pytest.mark.requirement("ID-1", "SEC-1")

AFTER = "https://client.example/after"
END = "/end?tenant=1"


@pytest.fixture(scope="module")
def configuration() -> dict[str, Any]:
    return {"logout": True}


@pytest.fixture
def ending(server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson) -> FederatedPerson:
    """Somebody who is logged in through a provider that has a logout page."""
    provider.metadata["end_session_endpoint"] = f"{provider.issuer}{END}"
    server.clock.advance(FRESH_S)
    person.log_in(person.open(f"{server.origin}/login"))
    return person


def logout_url(server: AuthorizationServer, **parameters: str) -> str:
    return f"{server.origin}/logout?{urlencode(parameters)}"


def query_of(response: httpx2.Response) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


def leaves(person: Person, server: AuthorizationServer) -> httpx2.Response:
    """Press the button of the logout page; the response."""
    page = person.open(logout_url(server))
    assert "You will also be logged out of your organization." in page.text
    return person.submit(page, {})


def come_back(person: Person, server: AuthorizationServer, **query: str) -> httpx2.Response:
    return person.browser.get(f"{server.origin}/logged-out?{urlencode(query)}")


def test_a_logout_asks_the_provider_with_its_id_token_and_comes_back_to_our_page(
    server: AuthorizationServer, provider: FakeProvider, ending: FederatedPerson
) -> None:
    response = leaves(ending, server)
    assert response.headers["location"].startswith(f"{provider.issuer}{END}&")
    query = query_of(response)
    assert query["client_id"] == CLIENT_ID
    assert query["post_logout_redirect_uri"] == f"{server.issuer}/logged-out"
    hint = jwt.decode(query["id_token_hint"], options={"verify_signature": False})
    assert hint["sub"] == provider.claims["sub"]
    assert ending.open(f"{server.origin}/account").url.path == "/login"
    page = come_back(ending, server, state=query["state"])
    assert (page.status_code, "You are logged out" in page.text) == (200, True)


def test_a_client_that_began_the_logout_gets_the_person_back_in_the_end(
    server: AuthorizationServer, ending: FederatedPerson
) -> None:
    client = server.register(post_logout_redirect_uris=[AFTER])
    hint = client.connect(ending, scope="openid")["id_token"]
    response = ending.browser.get(
        logout_url(server, id_token_hint=hint, post_logout_redirect_uri=AFTER, state="theirs")
    )
    state = query_of(response)["state"]
    assert state != "theirs"
    assert come_back(ending, server, state=state).headers["location"] == f"{AFTER}?state=theirs"


def test_a_state_works_once_and_only_in_the_browser_that_left(
    server: AuthorizationServer, ending: FederatedPerson
) -> None:
    client = server.register(post_logout_redirect_uris=[AFTER])
    hint = client.connect(ending, scope="openid")["id_token"]
    state = query_of(
        ending.browser.get(logout_url(server, id_token_hint=hint, post_logout_redirect_uri=AFTER))
    )["state"]
    victim = Person(trust_env=False)
    victim.open(f"{server.origin}/login")
    assert "location" not in come_back(victim, server, state=state).headers
    victim.close()
    assert come_back(ending, server, state=state).headers["location"] == AFTER
    assert "location" not in come_back(ending, server, state=state).headers


@pytest.mark.parametrize("query", [{}, {"state": ""}, {"state": "x"}, {"post_logout_redirect_uri": AFTER}])
def test_any_other_return_redirects_nowhere_else(
    server: AuthorizationServer, ending: FederatedPerson, query: dict[str, str]
) -> None:
    # Who is still logged in does not read that they are not.
    assert come_back(ending, server, **query).headers["location"] == "account"
    leaves(ending, server)
    assert come_back(ending, server, **query).status_code == 200


def test_a_provider_without_a_logout_page_is_left_out(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    server.clock.advance(FRESH_S)
    person.log_in(person.open(f"{server.origin}/login"))
    assert "You are logged out" in leaves(person, server).text
    assert person.open(f"{server.origin}/account").url.path == "/login"


def test_a_provider_that_is_down_does_not_prevent_the_logout_here(
    server: AuthorizationServer, provider: FakeProvider, ending: FederatedPerson
) -> None:
    provider.answers["/.well-known/openid-configuration"] = (503, {})
    server.clock.advance(STALE_S)
    assert "You are logged out" in leaves(ending, server).text
    assert ending.open(f"{server.origin}/account").url.path == "/login"


def test_an_id_token_is_kept_sealed_until_the_logout_and_not_if_it_is_too_long_for_a_url(
    server: AuthorizationServer, provider: FakeProvider, ending: FederatedPerson
) -> None:
    stored = repr(dump(server.store_url))
    hint = query_of(leaves(ending, server))["id_token_hint"]
    assert "provider-id-token" in stored
    assert hint not in stored
    assert hint.split(".")[1] not in stored
    provider.changes = {"padding": "x" * LONGEST_HINT}
    ending.log_in(ending.open(f"{server.origin}/login"))
    assert "id_token_hint" not in query_of(leaves(ending, server))
