"""The known browsers on the account page, and what it means to forget one (ID-7)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest

from tests.auth_service.service import AuthorizationServer, elsewhere, nobodys
from tests.cookies import cookie_name
from tests.flow import Person

pytestmark = pytest.mark.requirement("ID-7")

PASSWORD = "a password"
FAILURES = 20
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"


@pytest.fixture
def transport() -> httpx2.HTTPTransport:
    return elsewhere()


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("user"), PASSWORD)
    person.log_in(person.open(f"{server.origin}/login"))
    yield person
    person.close()


@pytest.fixture
def phone(server: AuthorizationServer, person: Person, transport: httpx2.HTTPTransport) -> Iterator[Person]:
    phone = Person(person.username, person.password, trust_env=False, transport=transport)
    phone.browser.headers["User-Agent"] = PHONE
    phone.log_in(phone.open(f"{server.origin}/login"))
    yield phone
    phone.close()


def account(server: AuthorizationServer, person: Person) -> str:
    return person.open(f"{server.origin}/account").text


def browser_ids(page: str) -> list[str]:
    return re.findall(r"action=forget_browser&amp;browser=([\w-]+)", page)


def is_logged_in(server: AuthorizationServer, person: Person) -> bool:
    return person.open(f"{server.origin}/account").url.path == "/account"


def log_in_again(server: AuthorizationServer, person: Person) -> None:
    person.browser.cookies.delete(cookie_name(server.issuer, "session"))
    person.log_in(person.open(f"{server.origin}/login"))


def fail_everywhere(server: AuthorizationServer, phone: Person, transport: httpx2.HTTPTransport) -> None:
    """Use up the attempts of the network of the phone."""
    stranger = Person(trust_env=False, transport=transport)
    for number in range(FAILURES + 1):
        attempt(server, stranger, phone.username, f"guess {number}")
    stranger.close()


def attempt(server: AuthorizationServer, person: Person, username: str, password: str) -> httpx2.Response:
    page = person.open(f"{server.origin}/login")
    return person.submit(page, {"username": username, "password": password})


def test_a_browser_is_listed_once_however_often_it_logs_in(
    server: AuthorizationServer, person: Person, phone: Person
) -> None:
    before = browser_ids(account(server, person))
    log_in_again(server, phone)
    page = account(server, phone)
    assert sorted(browser_ids(page)) == sorted(before)
    assert len(set(before)) == 2
    assert "Safari on iPhone" in page.partition("Known browsers")[2]
    assert page.partition("Known browsers")[2].count("this browser") == 1


def test_a_forgotten_browser_is_logged_out_and_its_wrong_passwords_count_as_a_strangers(
    server: AuthorizationServer, person: Person, phone: Person, transport: httpx2.HTTPTransport
) -> None:
    fail_everywhere(server, phone, transport)
    phone.browser.cookies.delete(cookie_name(server.issuer, "session"))
    assert attempt(server, phone, person.username, PASSWORD).url.path == "/account"
    [phones] = set(browser_ids(account(server, person))) - {_own(account(server, person))}
    question = person.open(f"{server.origin}/account?action=forget_browser&browser={phones}")
    assert "Safari on iPhone" in question.text
    assert is_logged_in(server, phone)
    assert "That browser is forgotten." in person.submit(question, {}).text
    assert not is_logged_in(server, phone)
    assert is_logged_in(server, person)
    assert browser_ids(account(server, person)) == [_own(account(server, person))]
    assert attempt(server, phone, person.username, PASSWORD).status_code == 429


def test_all_browsers_are_forgotten_and_this_one_stays_logged_in(
    server: AuthorizationServer, person: Person, phone: Person
) -> None:
    question = person.open(f"{server.origin}/account?action=forget_browsers")
    assert "All browsers are forgotten." in person.submit(question, {}).text
    assert browser_ids(account(server, person)) == []
    assert not is_logged_in(server, phone)
    log_in_again(server, person)
    assert len(browser_ids(account(server, person))) == 1


def test_a_browser_of_somebody_else_cannot_be_forgotten(
    server: AuthorizationServer, person: Person, phone: Person
) -> None:
    other = server.add_user(nobodys("other"), PASSWORD)
    other.log_in(other.open(f"{server.origin}/login"))
    [browser] = browser_ids(account(server, other))
    page = person.open(f"{server.origin}/account?action=forget_browser&browser={browser}")
    assert page.url.path == "/account"
    assert not page.url.query
    question = person.open(
        f"{server.origin}/account?action=forget_browser&browser={browser_ids(account(server, person))[0]}"
    )
    form = person.submit(question, {"browser": browser})
    assert form.status_code == 200
    assert browser_ids(account(server, other)) == [browser]
    other.close()


def _own(page: str) -> str:
    """The id of this browser."""
    part = page.partition("Known browsers")[2].partition("this browser")[2]
    return browser_ids(part)[0]
