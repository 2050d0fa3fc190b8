"""SEC-5: nobody consents for somebody else, to something else, or without knowing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from tests.auth_service.service import AuthorizationServer
from tests.flow import Client, Person, Pkce, asks_for_nothing, forms_of

pytestmark = pytest.mark.requirement("SEC-5")

CALLBACK = "https://client.example/cb"


@pytest.fixture
def victim(server: AuthorizationServer) -> Iterator[Person]:
    """Somebody who is logged in."""
    person = Person(trust_env=False)
    person.log_in(person.open(f"{server.origin}/login"))
    yield person
    person.close()


@pytest.fixture
def attacker(server: AuthorizationServer) -> Iterator[Person]:
    """Somebody else, at another browser."""
    person = Person(trust_env=False)
    yield person
    person.close()


def answer_of(response: httpx2.Response) -> dict[str, str]:
    assert response.status_code == 303, response.text
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


def pending_of(page: httpx2.Response) -> str:
    return forms_of(page.text)[0].fields["pending"]


@pytest.mark.requirement("AS-24")
def test_a_request_cannot_be_handed_to_another_browser(
    server: AuthorizationServer, victim: Person, attacker: Person
) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    pending = pending_of(attacker.open(client.authorization_url(Pkce())))
    mine = forms_of(victim.open(f"{server.origin}/account").text)[0].fields["csrf"]
    for path in ("authorize", "consent", "login"):
        page = victim.browser.get(f"{server.origin}/{path}?pending={pending}")
        assert page.status_code == 400
        assert asks_for_nothing(page.text)
    posted = victim.browser.post(
        f"{server.origin}/consent", data={"csrf": mine, "pending": pending, "decision": "allow"}
    )
    assert posted.status_code == 400
    still = attacker.open(f"{server.origin}/authorize?pending={pending}")
    assert "password" in forms_of(still.text)[0].fields


def test_the_answer_to_a_victims_request_cannot_be_fetched_by_the_one_who_knows_its_name(
    server: AuthorizationServer, victim: Person, attacker: Person
) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    page = victim.open(client.authorization_url(Pkce()))
    attacker.open(f"{server.origin}/login")
    stolen = attacker.browser.get(f"{server.origin}/authorize?pending={pending_of(page)}")
    assert stolen.status_code == 400
    assert "code" in answer_of(victim.submit(page, {"decision": "allow"}))


@pytest.mark.requirement("AS-24")
def test_what_the_form_says_beside_its_name_and_the_decision_counts_for_nothing(
    server: AuthorizationServer, victim: Person
) -> None:
    evil = server.register(redirect_uris=["https://evil.example/cb"])
    client, pkce = server.register(redirect_uris=[CALLBACK]), Pkce()
    page = victim.open(client.authorization_url(pkce, scope="notes:read"))
    tampered = {
        "client_id": evil.client_id,
        "redirect_uri": "https://evil.example/cb",
        "scope": "notes:read notes:write openid",
        "scopes": "notes:write",
        "scope.1": "notes:write",
        "scope.2": "openid",
        "resource": "https://evil.example/",
        "state": "tampered",
        "code_challenge": "tampered",
        "subject": "tampered",
    }
    landed = victim.submit(page, {**tampered, "decision": "allow"})
    assert landed.headers["location"].startswith(CALLBACK + "?")
    answer = answer_of(landed)
    assert answer["state"] == "a state"
    tokens = client.redeem(answer["code"], pkce).json()
    assert tokens["scope"] == "notes:read"
    described = server.introspect(tokens["access_token"])
    assert (described["client_id"], described["username"]) == (client.client_id, "wesen")


@pytest.mark.requirement("AS-24")
def test_a_request_that_is_under_way_cannot_be_changed_by_its_url(
    server: AuthorizationServer, victim: Person
) -> None:
    client, pkce = server.register(redirect_uris=[CALLBACK]), Pkce()
    page = victim.open(client.authorization_url(pkce, scope="notes:read"))
    more = "&scope=notes:write&redirect_uri=https://evil.example/cb&client_id=x&state=tampered"
    again = victim.open(f"{server.origin}/authorize?pending={pending_of(page)}{more}")
    answer = answer_of(victim.submit(again, {"decision": "allow"}))
    assert answer["state"] == "a state"
    assert client.redeem(answer["code"], pkce).json()["scope"] == "notes:read"


def test_a_decision_is_of_the_one_who_took_it_not_of_who_logs_in_next(
    server: AuthorizationServer, victim: Person
) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    page = victim.open(client.authorization_url(Pkce(), prompt="consent"))
    fields = {**forms_of(page.text)[0].fields, "decision": "allow"}
    # The decision is recorded, but not yet answered, when somebody else logs in at this browser.
    assert victim.browser.post(f"{server.origin}/consent", data=fields).status_code == 303
    other = server.add_user(f"next-{client.client_id}", "password")
    login = victim.open(f"{server.origin}/login?pending={pending_of(page)}")
    landed = victim.submit(login, {"username": other.username, "password": "password"})
    assert landed.url.path == "/consent"
    other.close()


@pytest.mark.requirement("AS-9")
def test_consent_for_one_client_does_not_apply_to_its_look_alike(
    server: AuthorizationServer, victim: Person
) -> None:
    metadata = {"client_name": "Claude", "redirect_uris": [CALLBACK], "software_id": "same"}
    trusted, twin = server.register(**metadata), server.register(**metadata)
    trusted.connect(victim)
    assert "code" in answer_of(victim.open(trusted.authorization_url(Pkce())))
    assert victim.open(twin.authorization_url(Pkce())).url.path == "/consent"


@pytest.mark.requirement("AS-9")
def test_a_client_that_changes_where_it_is_asks_again(server: AuthorizationServer, victim: Person) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    client.connect(victim)
    change(server, client, redirect_uris=["https://evil.example/cb"])
    url = client.authorization_url(Pkce(), redirect_uri="https://evil.example/cb")
    assert victim.open(url).url.path == "/consent"
    change(server, client, redirect_uris=[CALLBACK, "http://localhost/cb"])
    assert victim.open(client.authorization_url(Pkce())).url.path == "/consent"


def change(server: AuthorizationServer, client: Client, **metadata: object) -> None:
    """An update with the registration access token."""
    headers = {"Authorization": f"Bearer {client.information['registration_access_token']}"}
    body = {"token_endpoint_auth_method": "none", **metadata}
    response = server.http.put(client.information["registration_client_uri"], headers=headers, json=body)
    assert response.status_code == 200


@pytest.mark.requirement("AS-9")
@pytest.mark.parametrize(
    ("name", "displayed"),
    [
        ("\u202eedualC", "edualC"),
        ("Cl\u200baude", "Claude"),
        ("Claude\u2066 (verified)", "Claude (verified)"),
        ("\u3164\u2800", "An unnamed client"),
    ],
)
def test_a_name_does_not_look_like_more_than_it_is(
    server: AuthorizationServer, victim: Person, name: str, displayed: str
) -> None:
    client = server.register(client_name=name)
    text = victim.open(client.authorization_url(Pkce())).text
    assert f"<bdi>{displayed}</bdi>" in text
    assert "unverified" in text
    assert not any(c in text for c in "\u202e\u200b\u2066\u3164\u2800")


@pytest.mark.requirement("ID-10")
def test_pressing_twice_answers_once(server: AuthorizationServer, victim: Person) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    page = victim.open(client.authorization_url(Pkce()))
    fields = {**forms_of(page.text)[0].fields, "decision": "allow"}
    victim.browser.post(f"{server.origin}/consent", data=fields)
    url, cookies = f"{server.origin}/authorize?pending={pending_of(page)}", dict(victim.browser.cookies)

    def decide(_: int) -> str:
        with httpx2.Client(cookies=cookies, trust_env=False) as browser:
            return str(browser.get(url).headers["location"])

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(decide, range(16)))
    assert len(answers) == 1, "all get the answer of the first: one grant, one code"


def test_a_refusal_after_an_approval_is_a_refusal(server: AuthorizationServer, victim: Person) -> None:
    client = server.register(redirect_uris=["http://127.0.0.1/cb"])
    page = victim.open(client.authorization_url(Pkce()))
    fields = forms_of(page.text)[0].fields
    for decision in ("allow", "deny"):
        victim.browser.post(f"{server.origin}/consent", data={**fields, "decision": decision})
    landed = victim.open(f"{server.origin}/authorize?pending={pending_of(page)}")
    assert answer_of(landed)["error"] == "access_denied"


@pytest.mark.parametrize("remembered", [True, False])
def test_a_consent_page_of_one_account_allows_nothing_for_another_that_logged_in_since(
    server: AuthorizationServer, victim: Person, remembered: bool
) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    other = server.add_user(f"other-{client.client_id}", "password")
    if remembered:
        client.connect(other)
    page = victim.open(client.authorization_url(Pkce(), prompt="consent"))
    # In another tab of the same browser.
    login = victim.open(f"{server.origin}/login")
    victim.submit(login, {"username": other.username, "password": "password"})
    again = victim.submit(page, {"decision": "allow"})
    assert again.status_code == 409
    assert f"You are now logged in as <strong><bdi>{other.username}</bdi></strong>." in again.text
    assert "code" in answer_of(victim.submit(again, {"decision": "allow"}))
    other.close()


def test_a_consent_recorded_for_one_account_never_connects_another_silently(
    server: AuthorizationServer, victim: Person
) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    other = server.add_user(f"silent-{client.client_id}", "password")
    client.connect(other)
    page = victim.open(client.authorization_url(Pkce()))
    fields = {**forms_of(page.text)[0].fields, "decision": "allow"}
    assert victim.browser.post(f"{server.origin}/consent", data=fields).status_code == 303
    login = victim.open(f"{server.origin}/login?pending={pending_of(page)}")
    landed = victim.submit(login, {"username": other.username, "password": "password"})
    assert landed.url.path == "/consent"
    other.close()


@pytest.mark.requirement("AS-10")
@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_a_redirect_uri_that_is_removed_while_a_person_decides_is_not_redirected_to(
    server: AuthorizationServer, victim: Person, decision: str
) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    page = victim.open(client.authorization_url(Pkce()))
    changed = {**client.information, "redirect_uris": ["https://elsewhere.example/cb"]}
    bearer = {"Authorization": f"Bearer {client.information['registration_access_token']}"}
    del changed["registration_access_token"]
    uri = client.information["registration_client_uri"]
    assert server.http.put(uri, json=changed, headers=bearer).status_code == 200
    landed = victim.submit(page, {"decision": decision})
    assert (landed.status_code, landed.headers.get("location")) == (400, None)
    assert "redirect_uri is no longer registered for this client" in landed.text
