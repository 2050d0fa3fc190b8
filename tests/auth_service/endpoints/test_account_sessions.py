"""The login sessions on the account page: what is said of them, and how they end."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from auth_service.users.sessions import SEEN_RECORDED_EVERY_S
from tests.auth_service.service import AuthorizationServer, nobodys
from tests.flow import Person, Pkce

pytestmark = pytest.mark.requirement("ID-7")

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("user"), "password")
    person.log_in(person.open(f"{server.origin}/login"))
    yield person
    person.close()


@pytest.fixture
def phone(server: AuthorizationServer, person: Person) -> Iterator[Person]:
    """The same person at another browser."""
    phone = Person(person.username, person.password, trust_env=False)
    phone.browser.headers["User-Agent"] = PHONE
    phone.log_in(phone.open(f"{server.origin}/login"))
    yield phone
    phone.close()


def account(server: AuthorizationServer, person: Person) -> str:
    return person.open(f"{server.origin}/account").text


def links_to_end(page: str) -> list[str]:
    return re.findall(r"action=end_session&amp;session=([\w-]+)", page)


def is_logged_in(server: AuthorizationServer, person: Person) -> bool:
    return person.open(f"{server.origin}/account").url.path == "/account"


def test_each_browser_is_listed_and_this_one_marked(
    server: AuthorizationServer, person: Person, phone: Person
) -> None:
    page = account(server, phone).partition("Known browsers")[0]
    assert 'Safari on iPhone</strong> <span class="badge good">this browser' in page
    assert page.count("this browser") == 1
    assert page.count("Network 127.0.0.1") == 2
    assert page.count("with password") == 2
    assert len(links_to_end(page)) == 1, "this one ends by logging out"


def test_one_session_is_ended_from_another_browser_after_a_question(
    server: AuthorizationServer, person: Person, phone: Person
) -> None:
    long, short = server.register(), server.register(grant_types=["authorization_code"])
    kept, ended = long.connect(phone), short.connect(phone)
    pkce = Pkce()
    code = phone.authorize(long.authorization_url(pkce))["code"]
    (session_id,) = links_to_end(account(server, person))
    question = person.open(f"{server.origin}/account?action=end_session&session={session_id}")
    assert "Safari on iPhone" in question.text
    assert is_logged_in(server, phone)
    assert "That browser is logged out." in person.submit(question, {}).text
    assert not is_logged_in(server, phone)
    assert is_logged_in(server, person)
    assert server.is_active(kept["access_token"]), "as after a logout, what can be refreshed lasts"
    assert not server.is_active(ended["access_token"])
    assert long.redeem(code, pkce).json()["error"] == "invalid_grant"
    assert "That browser is logged out." in person.submit(question, {}).text, "pressed twice"


def test_all_other_sessions_end_and_this_one_stays(
    server: AuthorizationServer, person: Person, phone: Person
) -> None:
    question = person.open(f"{server.origin}/account?action=end_other_sessions")
    page = person.submit(question, {})
    assert "All other browsers are logged out." in page.text
    assert not links_to_end(page.text)
    assert "Log out everywhere else" not in page.text
    assert (is_logged_in(server, person), is_logged_in(server, phone)) == (True, False)


def test_a_session_of_somebody_else_is_neither_shown_nor_ended(
    server: AuthorizationServer, person: Person, phone: Person
) -> None:
    (session_id,) = links_to_end(account(server, person))
    stranger = server.add_user(nobodys("stranger"), "password")
    stranger.log_in(stranger.open(f"{server.origin}/login"))
    assert stranger.open(f"{server.origin}/account?action=end_session&session={session_id}").url.query == b""
    question = stranger.open(f"{server.origin}/account?action=end_other_sessions")
    stranger.submit(question, {"action": "end_session", "session": session_id})
    stranger.submit(question, {})
    assert is_logged_in(server, phone)
    stranger.close()


def test_a_session_says_when_it_was_last_seen(server: AuthorizationServer, person: Person) -> None:
    def last_seen() -> str:
        (text,) = re.findall(r"last seen ([\d :-]+) UTC", account(server, person))
        return str(text)

    before = last_seen()
    server.clock.advance(SEEN_RECORDED_EVERY_S + 60)
    assert last_seen() > before
