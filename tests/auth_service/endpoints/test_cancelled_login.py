"""Cancel on the login page: the client hears that the person refused (RFC 6749 §4.1.2.1)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2
import pytest

from tests.auth_service.endpoints.devices import Device
from tests.auth_service.service import AuthorizationServer
from tests.flow import REDIRECT_URI, Client, Person, Pkce, forms_of

pytestmark = [pytest.mark.requirement("AS-4", "ID-10")]


@pytest.fixture
def client(server: AuthorizationServer) -> Client:
    return server.register()


@pytest.fixture
def person() -> Iterator[Person]:
    person = Person(trust_env=False)
    yield person
    person.close()


@pytest.fixture
def other() -> Iterator[Person]:
    other = Person(trust_env=False)
    yield other
    other.close()


def cancel(person: Person, page: httpx2.Response) -> httpx2.Response:
    """Press the button, which is in a form of its own."""
    fields = cancel_form(page)
    return person.follow(person.browser.post(urljoin(str(page.url), "login"), data=fields))


def cancel_form(page: httpx2.Response) -> dict[str, str]:
    assert 'name="cancel" value="1"' in page.text
    (form,) = [form for form in forms_of(page.text) if "password" not in form.fields]
    return {**form.fields, "cancel": "1"}


def answer_in(response: httpx2.Response) -> dict[str, str]:
    assert response.headers["location"].startswith(REDIRECT_URI)
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


def test_the_client_gets_access_denied_and_its_state(
    server: AuthorizationServer, client: Client, person: Person
) -> None:
    answer = answer_in(cancel(person, person.open(client.authorization_url(Pkce(), state="s"))))
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "s", server.issuer)


def test_a_second_click_gets_the_same_answer(client: Client, person: Person) -> None:
    page = person.open(client.authorization_url(Pkce()))
    assert answer_in(cancel(person, page)) == answer_in(cancel(person, page))


def test_a_remembered_consent_does_not_take_the_cancel_away(
    server: AuthorizationServer, person: Person
) -> None:
    client = server.register(redirect_uris=["https://client.example/cb"])
    assert "code" in person.authorize(client.authorization_url(Pkce()))
    page = person.open(client.authorization_url(Pkce(), prompt="login"))
    assert "error=access_denied" in cancel(person, page).headers["location"]
    # The session and the consent are as they were.
    assert "code=" in person.open(client.authorization_url(Pkce())).headers["location"]


def test_a_login_that_is_posted_after_the_cancel_connects_nobody(client: Client, person: Person) -> None:
    page = person.open(client.authorization_url(Pkce()))
    cancel(person, page)
    assert answer_in(person.log_in(page))["error"] == "access_denied"


def test_another_browser_cannot_cancel(client: Client, person: Person, other: Person) -> None:
    page = person.open(client.authorization_url(Pkce()))
    other.open(client.authorization_url(Pkce()))
    refused = other.browser.post(urljoin(str(page.url), "login"), data=cancel_form(page))
    assert (refused.status_code, "location" in refused.headers) == (400, False)
    assert "Allow access?" in person.log_in(page).text


def test_a_device_is_denied(server: AuthorizationServer, person: Person) -> None:
    device = Device(server).begin()
    assert "Nothing was allowed" in cancel(person, device.enter(person)).text
    assert device.error() == "access_denied"


def test_a_login_for_a_page_of_ours_has_no_cancel(server: AuthorizationServer, person: Person) -> None:
    assert 'name="cancel"' not in person.open(f"{server.origin}/login").text
