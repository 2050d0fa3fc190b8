"""The page on which a person changes the password, and what that ends (AS-23)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import httpx2
import pytest
from structlog.testing import capture_logs

from tests.auth_service.service import AuthorizationServer, elsewhere, nobodys
from tests.flow import Person, Pkce

pytestmark = pytest.mark.requirement("AS-23", "ID-10")

OLD, NEW = "a password", "another password"


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("user"), OLD)
    yield person
    person.close()


@pytest.fixture
def at_another_browser(person: Person) -> Iterator[Person]:
    other = Person(person.username, OLD, trust_env=False)
    yield other
    other.close()


def shown(server: AuthorizationServer, person: Person) -> httpx2.Response:
    person.log_in(person.open(f"{server.origin}/login"))
    return person.open(f"{server.origin}/password")


def change(
    person: Person, page: httpx2.Response, password: str = OLD, new: str = NEW, again: str | None = None
) -> httpx2.Response:
    fields: dict[str, str | None] = {
        "password": password,
        "new_password": new,
        "new_password_again": again or new,
    }
    return person.submit(page, fields)


def logs_in(server: AuthorizationServer, username: str, password: str) -> bool:
    somebody = Person(username, password, transport=elsewhere())
    page = somebody.log_in(somebody.open(f"{server.origin}/login"))
    somebody.close()
    return "Your connections" in page.text


def test_the_new_password_is_in_force_and_the_old_one_no_more(
    server: AuthorizationServer, person: Person
) -> None:
    with capture_logs() as lines:
        done = change(person, shown(server, person))
    assert (done.status_code, "Password changed" in done.text) == (200, True)
    (line,) = [line for line in lines if line["event"] == "password changed"]
    assert line["username"] == quote(person.username)
    assert not any(OLD in str(line) or NEW in str(line) for line in lines)
    assert [logs_in(server, person.username, password) for password in (OLD, NEW)] == [False, True]


def test_other_sessions_and_what_was_connected_in_them_end_and_this_one_stays(
    server: AuthorizationServer, person: Person, at_another_browser: Person
) -> None:
    page = shown(server, person)
    assert "logged out everywhere else" in page.text
    client = server.register()
    here, there = client.connect(person), client.connect(at_another_browser)
    change(person, page)
    assert server.introspect(here["access_token"])["active"]
    assert not server.introspect(there["access_token"])["active"]
    assert "Your connections" in person.open(f"{server.origin}/account").text
    assert "Log in" in at_another_browser.open(f"{server.origin}/account").text
    assert "code" in person.authorize(client.authorization_url(Pkce()))


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"password": "wrong"}, 401, "The current password is wrong."),
        ({"again": "something else"}, 400, "not the same"),
        ({"new": "x" * 1_025}, 400, "cannot be a password"),
        ({"password": "", "new": NEW}, 401, "The current password is wrong."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(
    server: AuthorizationServer, person: Person, fields: dict[str, str], status: int, says: str
) -> None:
    response = change(person, shown(server, person), **fields)
    assert (response.status_code, says in response.text) == (status, True)
    assert logs_in(server, person.username, OLD)


def test_pressed_twice_it_is_done_once_and_says_so_twice(server: AuthorizationServer, person: Person) -> None:
    page = shown(server, person)
    assert ["Password changed" in change(person, page).text for _ in range(2)] == [True, True]
    assert logs_in(server, person.username, NEW)


def test_wrong_passwords_count_like_failed_logins(server: AuthorizationServer, person: Person) -> None:
    page = shown(server, person)
    statuses = [change(person, page, password=f"wrong {n}").status_code for n in range(30)]
    assert statuses[0] == 401
    assert statuses[-1] == 429


def test_a_form_of_another_site_changes_nothing(server: AuthorizationServer, person: Person) -> None:
    page = shown(server, person)
    person.browser.headers["origin"] = "https://evil.example"
    assert change(person, page).status_code == 403
    del person.browser.headers["origin"]
    assert logs_in(server, person.username, OLD)


def test_who_is_not_logged_in_goes_to_the_login(server: AuthorizationServer) -> None:
    response = httpx2.get(f"{server.origin}/password", trust_env=False)
    assert (response.status_code, response.headers["location"]) == (303, "login")
