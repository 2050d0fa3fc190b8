"""GET and POST /consent: what a person is shown, and what follows from what they say."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from tests.auth_service.service import RESOURCE, SCOPES, AuthorizationServer
from tests.flow import Client, Person, Pkce, forms_of

CALLBACK = "https://client.example/cb"
LOOPBACK_WARNING = "Any program on this computer can use this name."


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    """Somebody who is logged in, at a browser of their own."""
    person = Person(trust_env=False)
    person.browser.cookies.update(_logged_in(server))
    yield person
    person.close()


def _logged_in(server: AuthorizationServer) -> dict[str, str]:
    page = server.person.open(f"{server.origin}/account")
    if page.url.path == "/login":
        server.person.log_in(page)
    return dict(server.person.browser.cookies)


def consent_page(person: Person, client: Client, **changes: str | None) -> httpx2.Response:
    page = person.open(client.authorization_url(Pkce(), **changes))
    assert page.url.path == "/consent"
    return page


def outcome(response: httpx2.Response) -> dict[str, str]:
    assert response.status_code == 303, response.text
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


@pytest.mark.requirement("AS-9", "AS-25")
def test_the_page_says_who_asks_for_what_and_where_the_answer_goes(
    server: AuthorizationServer, person: Person
) -> None:
    client = server.register(client_name="Notes App", redirect_uris=["https://c.example:8443/cb"])
    page = consent_page(person, client, scope="openid notes:read notes:write")
    text = unescape(page.text)
    for expected in ("Notes App", "unverified", "c.example:8443", RESOURCE, "Notes", "wesen"):
        assert expected in text
    for words in (*SCOPES.values(), "Know that it is you"):
        assert words in text
    assert LOOPBACK_WARNING not in text
    (form,) = forms_of(page.text)
    assert form.buttons == [("decision", "allow"), ("decision", "deny")]


def test_the_page_warns_of_an_app_that_answers_to_a_scheme(
    server: AuthorizationServer, person: Person
) -> None:
    client = server.register(redirect_uris=["cursor://anysphere.cursor-mcp/oauth/callback"])
    page = consent_page(person, client, redirect_uri="cursor://anysphere.cursor-mcp/oauth/callback")
    assert "Any app on this device" in page.text


@pytest.mark.requirement("AS-9", "SEC-5")
@pytest.mark.parametrize(
    ("redirect_uris", "redirect_uri", "warned"),
    [
        (["http://127.0.0.1/cb"], "http://127.0.0.1:99/cb", True),
        (["http://localhost:1/cb", "http://[::1]/cb"], "http://localhost:1/cb", True),
        # One more redirect URI must not buy silence.
        (["http://localhost/cb", CALLBACK], "http://localhost/cb", True),
        (["http://localhost/cb", CALLBACK], CALLBACK, False),
        ([CALLBACK], CALLBACK, False),
    ],
)
def test_the_page_warns_where_any_program_on_the_computer_could_receive(
    server: AuthorizationServer, person: Person, redirect_uris: list[str], redirect_uri: str, warned: bool
) -> None:
    client = server.register(redirect_uris=redirect_uris)
    assert (LOOPBACK_WARNING in consent_page(person, client, redirect_uri=redirect_uri).text) is warned


@pytest.mark.requirement("AS-9")
def test_a_private_scheme_is_shown_as_the_app_it_leads_to(
    server: AuthorizationServer, person: Person
) -> None:
    client = server.register(redirect_uris=["cursor://anysphere.cursor-mcp/oauth/callback"])
    text = consent_page(person, client).text
    assert "cursor:" in text
    assert "an app on the device" in text


@pytest.mark.requirement("AS-9")
def test_scopes_can_be_unticked(server: AuthorizationServer, person: Person) -> None:
    client, pkce = server.register(), Pkce()
    answer = person.authorize(client.authorization_url(pkce), untick=("notes:write",))
    tokens = client.redeem(answer["code"], pkce).json()
    assert tokens["scope"] == "notes:read"
    assert server.introspect(tokens["access_token"])["scope"] == "notes:read"
    widened = client.refresh(tokens["refresh_token"], scope="notes:read notes:write")
    assert widened.json()["scope"] == "notes:read"


@pytest.mark.requirement("AS-4", "ID-10")
@pytest.mark.parametrize("scope", ["notes:read notes:write", "notes:read notes:write offline_access"])
def test_nothing_ticked_is_a_refusal(server: AuthorizationServer, person: Person, scope: str) -> None:
    client = server.register()
    url = client.authorization_url(Pkce(), scope=scope)
    assert "If nothing is ticked, nothing is allowed" in consent_page(person, client).text
    assert person.authorize(url, untick=tuple(SCOPES))["error"] == "access_denied"
    # It is not remembered as a consent to nothing either.
    assert "Allow access?" in person.open(url).text


@pytest.mark.requirement("AS-25")
def test_a_script_may_post_the_button_alone(server: AuthorizationServer, person: Person) -> None:
    client, pkce = server.register(), Pkce()
    page = consent_page(person, client, code_challenge=pkce.challenge)
    removed_fields = dict.fromkeys(
        name for name in forms_of(page.text)[0].fields if name not in ("csrf", "pending")
    )
    answer = outcome(person.submit(page, {**removed_fields, "decision": "allow"}))
    assert client.redeem(answer["code"], pkce).json()["scope"] == "notes:read notes:write"


@pytest.mark.requirement("AS-4", "AS-9")
def test_a_refusal_is_sent_to_the_client_and_not_remembered(
    server: AuthorizationServer, person: Person
) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    answer = outcome(person.submit(consent_page(person, client), {"decision": "deny"}))
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "a state", server.issuer)
    assert consent_page(person, client).status_code == 200


@pytest.mark.requirement("AS-9", "SEC-5")
def test_consent_is_remembered_for_the_same_and_for_less(server: AuthorizationServer, person: Person) -> None:
    client = server.register(redirect_uris=[CALLBACK, "https://other.example/cb"])
    client.connect(person, scope="notes:read openid")
    for scope in ("notes:read openid", "notes:read", "openid"):
        url = client.authorization_url(Pkce(), scope=scope, resource=RESOURCE)
        assert "code" in outcome(person.open(url))
    consent_page(person, client, scope="notes:read notes:write")
    consent_page(person, client, scope="openid")  # for no resource, and so for something else
    consent_page(person, client, scope="notes:read", redirect_uri="https://other.example/cb")
    twin = server.register(redirect_uris=[CALLBACK])
    consent_page(person, twin, scope="notes:read")


@pytest.mark.requirement("AS-9", "SEC-5")
def test_what_was_unticked_is_not_remembered_as_allowed(server: AuthorizationServer, person: Person) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    person.authorize(client.authorization_url(Pkce()), untick=("notes:write",))
    assert "code" in outcome(person.open(client.authorization_url(Pkce(), scope="notes:read")))
    consent_page(person, client, scope="notes:read notes:write")


@pytest.mark.requirement("AS-9")
def test_each_consent_is_remembered_beside_the_others(server: AuthorizationServer, person: Person) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    for scope in ("notes:read", "notes:write", "openid"):
        client.connect(person, scope=scope)
    for scope in ("notes:read", "notes:write", "openid"):
        assert "code" in outcome(person.open(client.authorization_url(Pkce(), scope=scope)))


@pytest.mark.requirement("AS-9", "SEC-5")
@pytest.mark.parametrize("uri", ["http://127.0.0.1/cb", "http://localhost:7/cb", "app.example:/cb"])
def test_consent_is_requested_each_time_where_others_could_receive(
    server: AuthorizationServer, person: Person, uri: str
) -> None:
    client = server.register(redirect_uris=[uri])
    client.connect(person)
    consent_page(person, client)


@pytest.mark.requirement("AS-9", "SEC-5")
def test_consent_of_one_user_says_nothing_of_another(server: AuthorizationServer, person: Person) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    client.connect(person)
    other = server.add_user(f"other-{client.client_id}", "password")
    page = other.log_in(other.open(client.authorization_url(Pkce())))
    assert page.url.path == "/consent"
    other.close()


@pytest.mark.requirement("AS-9")
def test_disconnecting_takes_the_consent_back(server: AuthorizationServer, person: Person) -> None:
    client = server.register(redirect_uris=[CALLBACK], client_name=f"Only {CALLBACK}")
    tokens = client.connect(person)
    grant_id = server.introspect(tokens["access_token"])["grant_id"]
    page = person.open_disconnect(server.origin, grant_id)
    person.submit(page, {"grant_id": grant_id, "action": "disconnect"})
    assert not server.is_active(tokens["access_token"])
    consent_page(person, client)


@pytest.mark.requirement("AS-23", "SEC-5")
@pytest.mark.parametrize("csrf", [None, "wrong"])
def test_a_decision_requires_the_form_token_of_the_browser(
    server: AuthorizationServer, person: Person, csrf: str | None
) -> None:
    client = server.register()
    page = consent_page(person, client)
    assert person.submit(page, {"decision": "allow", "csrf": csrf}).status_code == 400
    again = person.open(f"{server.origin}/authorize?pending={forms_of(page.text)[0].fields['pending']}")
    assert again.url.path == "/consent"


@pytest.mark.parametrize("decision", [None, "", "yes", "ALLOW", "allow deny"])
def test_a_decision_must_be_allow_or_deny(
    server: AuthorizationServer, person: Person, decision: str | None
) -> None:
    client = server.register()
    page = consent_page(person, client)
    assert person.submit(page, {"decision": decision}).status_code == 400
    pending = forms_of(page.text)[0].fields["pending"]
    assert person.open(f"{server.origin}/authorize?pending={pending}").url.path == "/consent"


def test_without_a_login_there_is_no_consent_page(server: AuthorizationServer) -> None:
    client, person = server.register(), Person(trust_env=False)
    page = person.open(client.authorization_url(Pkce()))
    pending = forms_of(page.text)[0].fields["pending"]
    assert person.open(f"{server.origin}/consent?pending={pending}").url.path == "/login"
    person.close()


@pytest.mark.parametrize("pending", ["", "unknown", "a&pending=b", "%00", "ü"])
def test_a_request_that_is_not_there_is_a_page(
    server: AuthorizationServer, person: Person, pending: str
) -> None:
    for path in ("consent", "authorize"):
        response = person.browser.get(f"{server.origin}/{path}?pending={pending}")
        assert response.status_code == 400
        assert response.headers["content-type"].startswith("text/html")


def test_a_decision_about_an_unknown_request_is_refused(server: AuthorizationServer, person: Person) -> None:
    page = consent_page(person, server.register())
    assert person.submit(page, {"pending": "unknown", "decision": "allow"}).status_code == 400


def test_the_policy_and_the_terms_are_linked_with_the_host_they_are_at(server: AuthorizationServer) -> None:
    client = server.register(
        policy_uri="https://client.example/privacy?a=1&b=2", tos_uri="https://terms.example/"
    )
    page = server.person.open(client.authorization_url(Pkce()))
    page = server.person.log_in(page) if "password" in page.text else page
    assert 'href="https://client.example/privacy?a=1&amp;b=2" target="_blank" rel="noopener' in page.text
    assert "Privacy policy at client.example" in page.text
    assert "Terms at terms.example" in page.text
