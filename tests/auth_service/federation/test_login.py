"""Login through an OpenID provider, from the button to the client's tokens."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qsl, quote_plus, urlsplit

import pytest
from structlog.testing import capture_logs

from tests.auth_service.federation.provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    FakeProvider,
    FederatedPerson,
)
from tests.auth_service.service import AuthorizationServer
from tests.cookies import cookie_name
from tests.flow import Person, Pkce, forms_of

pytestmark = pytest.mark.requirement("ID-1")


def account_of(person: Person, server: AuthorizationServer) -> str:
    page = person.open(f"{server.origin}/account")
    assert page.url.path == "/account", page.text
    return page.text


def test_a_client_gets_tokens_of_its_own_for_somebody_whom_the_provider_knows(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    client = server.register()
    tokens = client.connect(person, scope="openid profile notes:read")
    introspection = server.introspect(tokens["access_token"])
    assert introspection["active"]
    assert introspection["username"] == provider.claims["preferred_username"]
    assert provider.claims["sub"] not in introspection.values()
    claims = server.get("/userinfo", Authorization=f"Bearer {tokens['access_token']}").json()
    assert claims["name"] == provider.claims["name"]


def test_the_same_person_has_the_same_account_the_next_time(
    server: AuthorizationServer, person: FederatedPerson, provider: FakeProvider
) -> None:
    first = server.introspect(server.register().connect(person)["access_token"])
    provider.claims |= {"preferred_username": "renamed", "email": "renamed@corp.example"}
    again = FederatedPerson(provider)
    second = server.introspect(server.register().connect(again)["access_token"])
    again.close()
    assert (first["sub"], first["username"]) == (second["sub"], second["username"])


def test_the_request_to_the_provider_has_everything_that_protects_the_answer(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    location = person.leave(person.open(f"{server.origin}/login"))
    assert location.startswith(f"{provider.issuer}/authorize?")
    query = dict(parse_qsl(urlsplit(location).query))
    assert query.pop("code_challenge")
    assert len(query.pop("state")) == 43
    assert len(query.pop("nonce")) == 43
    assert query == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": f"{server.issuer}/callback/fake",
        "scope": "openid profile email",
        "code_challenge_method": "S256",
    }


def test_the_secret_goes_into_the_header_form_encoded_and_the_tokens_nowhere(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    person.log_in(person.open(f"{server.origin}/login"))
    ((form, headers),) = [(form, headers) for path, form, headers in provider.requests if path == "/token"]
    pair = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
    assert pair == f"{CLIENT_ID}:{quote_plus(CLIENT_SECRET)}"
    assert "client_secret" not in form


def test_a_provider_that_takes_no_basic_gets_the_secret_in_the_body(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    server.clock.advance(3_601)  # the discovery document is read again
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    person.log_in(person.open(f"{server.origin}/login"))
    ((form, headers),) = [(form, headers) for path, form, headers in provider.requests if path == "/token"]
    assert (form["client_id"], form["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)
    assert "authorization" not in headers
    server.clock.advance(3_601)


def test_what_the_id_token_leaves_out_is_taken_from_userinfo(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    provider.changes = dict.fromkeys(("name", "email", "email_verified", "preferred_username"))
    person.log_in(person.open(f"{server.origin}/login"))
    assert provider.claims["preferred_username"] in account_of(person, server)


def test_the_login_page_has_a_button_for_the_provider_beside_the_password(
    server: AuthorizationServer, person: FederatedPerson
) -> None:
    page = person.open(f"{server.origin}/login")
    assert "password" in forms_of(page.text)[0].fields
    assert person.button(page).fields.keys() == {"csrf"}
    assert "Log in with your organization" in page.text


@pytest.mark.requirement("AS-23", "SEC-16")
def test_nothing_but_the_form_of_the_login_page_begins_a_login(
    server: AuthorizationServer, person: FederatedPerson
) -> None:
    page = person.open(f"{server.origin}/login")
    begin = f"{server.origin}/login/fake"
    assert person.browser.get(begin).status_code == 405
    assert person.browser.post(begin).status_code == 400
    assert person.browser.post(begin, data={"csrf": "x"}).status_code == 400
    evil = {"Origin": "https://evil.example"}
    assert person.browser.post(begin, data=person.button(page).fields, headers=evil).status_code == 403


def test_a_provider_that_is_not_configured_is_not_found(
    server: AuthorizationServer, person: FederatedPerson
) -> None:
    fields = person.button(person.open(f"{server.origin}/login")).fields
    assert person.browser.post(f"{server.origin}/login/other", data=fields).status_code == 404
    assert person.browser.get(f"{server.origin}/callback/other?code=x&state=x").status_code == 404


@pytest.mark.requirement("AS-23")
def test_a_login_begins_a_session_and_says_in_the_log_through_whom_and_how(
    server: AuthorizationServer, person: FederatedPerson, provider: FakeProvider
) -> None:
    with capture_logs() as logs:
        page = person.log_in(person.open(f"{server.origin}/login"))
    assert page.url.path == "/account"
    (entry,) = [log for log in logs if log["event"] == "login"]
    assert (entry["provider"], entry["how"]) == ("fake", "created")
    assert entry["username"] == provider.claims["preferred_username"]
    first = person.browser.cookies[cookie_name(server.issuer, "session")]
    with capture_logs() as logs:
        person.log_in(person.open(f"{server.origin}/login"))
    assert [log["how"] for log in logs if log["event"] == "login"] == ["known"]
    assert person.browser.cookies[cookie_name(server.issuer, "session")] != first


@pytest.mark.requirement("ID-10")
def test_coming_back_twice_leads_to_the_same_place_in_the_same_session(
    server: AuthorizationServer, person: FederatedPerson, provider: FakeProvider
) -> None:
    callback = provider.approve(person.leave(person.open(f"{server.origin}/login")))
    first = person.browser.get(callback)
    session = person.browser.cookies[cookie_name(server.issuer, "session")]
    del person.browser.cookies[cookie_name(server.issuer, "session")]
    second = person.browser.get(callback)
    assert (first.status_code, first.headers["location"]) == (303, "../account")
    assert (second.status_code, second.headers["location"]) == (303, "../account")
    assert person.browser.cookies[cookie_name(server.issuer, "session")] == session
    assert len([path for path, _, _ in provider.requests if path == "/token"]) == 1


@pytest.mark.requirement("ID-10")
def test_a_second_click_on_the_button_begins_a_login_that_works_as_well(
    server: AuthorizationServer, person: FederatedPerson, provider: FakeProvider
) -> None:
    page = person.open(f"{server.origin}/login")
    first, second = person.leave(page), person.leave(page)
    assert person.open(provider.approve(second)).url.path == "/account"
    assert person.open(provider.approve(first)).url.path == "/account"


def test_a_disabled_account_stays_out(
    server: AuthorizationServer, person: FederatedPerson, provider: FakeProvider
) -> None:
    person.log_in(person.open(f"{server.origin}/login"))
    server.disable_user(provider.claims["preferred_username"])
    assert person.open(f"{server.origin}/account").url.path == "/login"
    refused = person.log_in(person.open(f"{server.origin}/login"))
    assert refused.status_code == 403
    assert "Your account on this server is disabled." in refused.text
    assert person.open(f"{server.origin}/account").url.path == "/login"


@pytest.mark.requirement("SEC-16")
@pytest.mark.parametrize("password", ["", "a password that nobody has"])
def test_an_account_without_a_password_is_not_opened_by_any(
    server: AuthorizationServer, person: FederatedPerson, provider: FakeProvider, password: str
) -> None:
    person.log_in(person.open(f"{server.origin}/login"))
    guesser = Person(provider.claims["preferred_username"], password, trust_env=False)
    assert guesser.log_in(guesser.open(f"{server.origin}/login")).status_code == 401
    guesser.close()


def test_a_client_that_wants_a_fresh_login_gets_one_at_the_provider(
    server: AuthorizationServer, person: FederatedPerson
) -> None:
    page = person.open(server.register().authorization_url(Pkce(), prompt="login", login_hint="ada"))
    query = dict(parse_qsl(urlsplit(person.leave(page)).query))
    assert (query["prompt"], query["login_hint"]) == ("login", "ada")


@pytest.mark.requirement("AS-17")
def test_the_id_token_says_that_another_knows_how_the_person_logged_in(
    server: AuthorizationServer, person: FederatedPerson
) -> None:
    tokens = server.register().connect(person, scope="openid")
    payload = tokens["id_token"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(payload + "=="))["acr"] == "federated"


@pytest.mark.requirement("AS-17")
def test_a_client_that_wants_a_password_gets_the_login_page_for_somebody_from_a_provider(
    server: AuthorizationServer, person: FederatedPerson
) -> None:
    person.log_in(person.open(f"{server.origin}/login"))
    wanted = json.dumps({"id_token": {"acr": {"essential": True, "values": ["password"]}}})
    client = server.register()
    page = person.open(client.authorization_url(Pkce(), scope="openid", claims=wanted))
    assert page.url.path == "/login"
    assert person.log_in(page).url.path == "/login"
    person.username, person.password = "wesen", "secret"
    assert Person.log_in(person, page).url.path == "/consent"


def test_an_outage_of_discovery_is_bridged_for_a_day(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    person.log_in(person.open(f"{server.origin}/login"))
    provider.answers = dict.fromkeys(("/.well-known/openid-configuration", "/jwks"), (503, {}))
    server.clock.advance(3_601)
    assert person.log_in(person.open(f"{server.origin}/login")).url.path == "/account"
    server.clock.advance(86_400)
    form = person.button(person.open(f"{server.origin}/login"))
    assert person.browser.post(f"{server.origin}/login/fake", data=form.fields).status_code == 503
    server.failures.clear()
