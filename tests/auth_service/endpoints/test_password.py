"""The page on which a person changes the password, and what that ends (AS-23)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urljoin

import httpx2
import pytest
from structlog.testing import capture_logs

from tests.auth_service.endpoints.posting import post_at_once
from tests.auth_service.service import AuthorizationServer, elsewhere, nobodys
from tests.flow import Person, Pkce, forms_of

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


def open_page(server: AuthorizationServer, person: Person) -> httpx2.Response:
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
    return "Your account" in page.text


def test_the_new_password_is_in_force_and_the_old_one_no_more(
    server: AuthorizationServer, person: Person
) -> None:
    with capture_logs() as lines:
        done = change(person, open_page(server, person))
    assert (done.status_code, "Password changed" in done.text) == (200, True)
    (line,) = [line for line in lines if line["event"] == "password changed"]
    assert line["username"] == quote(person.username)
    assert not any(OLD in str(line) or NEW in str(line) for line in lines)
    assert [logs_in(server, person.username, password) for password in (OLD, NEW)] == [False, True]


def test_other_sessions_and_what_was_connected_in_them_end_and_this_one_stays(
    server: AuthorizationServer, person: Person, at_another_browser: Person
) -> None:
    page = open_page(server, person)
    assert "logged out everywhere else" in page.text
    client = server.register()
    here, there = client.connect(person), client.connect(at_another_browser)
    change(person, page)
    assert server.introspect(here["access_token"])["active"]
    assert not server.introspect(there["access_token"])["active"]
    assert "Your account" in person.open(f"{server.origin}/account").text
    assert "Log in" in at_another_browser.open(f"{server.origin}/account").text
    assert "code" in person.authorize(client.authorization_url(Pkce()))


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"password": "wrong"}, 401, "The current password is wrong."),
        ({"again": "something else"}, 400, "not the same"),
        ({"new": "q7!Zk2p"}, 400, "a password has 8 to 128 characters"),
        ({"new": "mango tram velvet " * 8}, 400, "a password has 8 to 128 characters"),
        ({"new": "password1"}, 400, "easily guessed (this is a very common password)"),
        ({"new": "aaaaaaaaaaaa"}, 400, "easily guessed"),
        ({"password": "", "new": NEW}, 401, "The current password is wrong."),
    ],
)
def test_an_error_is_reported_and_nothing_changes(
    server: AuthorizationServer, person: Person, fields: dict[str, str], status: int, says: str
) -> None:
    response = change(person, open_page(server, person), **fields)
    assert (response.status_code, says in response.text) == (status, True)
    assert logs_in(server, person.username, OLD)


@pytest.mark.requirement("ID-6")
@pytest.mark.parametrize("part", ["username", "name", "service"])
def test_what_everybody_knows_of_the_account_makes_no_password(
    server: AuthorizationServer, part: str
) -> None:
    person = server.add_user(nobodys("marigold"), OLD, name="Tarquinius Featherstone")
    guess = {"username": person.username, "name": "Tarquinius Featherstone", "service": "Doorward1"}[part]
    response = change(person, open_page(server, person), new=guess)
    assert (response.status_code, "easily guessed" in response.text) == (400, True)
    person.close()


@pytest.mark.requirement("ID-6")
@pytest.mark.parametrize(
    "new",
    [
        "another password",
        "kx9fqzrwmt",
        "schön grüßt der Möwenschrei",
        "🐙🦀🐚 under the pier",
        "w" + "8 Frogs? " * 14,
    ],
)
def test_length_and_strength_decide_and_no_kind_of_character_is_demanded(
    server: AuthorizationServer, person: Person, new: str
) -> None:
    assert "Password changed" in change(person, open_page(server, person), new=new).text
    assert logs_in(server, person.username, new)


@pytest.mark.requirement("ID-6")
def test_password_managers_find_the_page_and_the_login_leads_to_it(
    server: AuthorizationServer, person: Person
) -> None:
    login = person.open(f"{server.origin}/.well-known/change-password")
    assert str(login.url) == f"{server.origin}/login?to=password"
    page = person.log_in(login)
    assert (page.url.path, "Change password" in page.text) == ("/password", True)


def test_pressed_twice_it_is_done_once_and_says_so_twice(
    server: AuthorizationServer, person: Person, at_another_browser: Person
) -> None:
    page, at_another_browser.password = open_page(server, person), NEW
    with capture_logs() as lines:
        first = change(person, page)
        tokens = server.register().connect(at_another_browser)
        second = change(person, page)
    assert ["Password changed" in answer.text for answer in (first, second)] == [True, True]
    assert [line["event"] for line in lines].count("password changed") == 1
    assert "password not changed" not in [line["event"] for line in lines]
    # What was begun with the new password in between has not ended.
    assert server.introspect(tokens["access_token"])["active"]
    assert "Your account" in at_another_browser.open(f"{server.origin}/account").text
    assert logs_in(server, person.username, NEW)


def test_pressed_twice_at_once_it_is_done_once_and_says_so_each_time(
    server: AuthorizationServer, person: Person
) -> None:
    page = open_page(server, person)
    fields = {"password": OLD, "new_password": NEW, "new_password_again": NEW}
    with capture_logs() as lines:
        answers = post_at_once(person, page, forms_of(page.text)[0], **fields)
    assert {answer.status_code for answer in answers} == {303}
    assert {
        "Password changed" in person.open(urljoin(str(page.url), a.headers["location"])).text for a in answers
    } == {True}
    assert [line["event"] for line in lines].count("password changed") == 1


def test_the_same_form_with_another_new_password_is_another_change(
    server: AuthorizationServer, person: Person
) -> None:
    page = open_page(server, person)
    change(person, page)
    assert "Password changed" in change(person, page, password=NEW, new="a third password").text
    assert logs_in(server, person.username, "a third password")


def test_the_current_password_as_the_new_one_proves_nothing(
    server: AuthorizationServer, person: Person
) -> None:
    assert change(person, open_page(server, person), password="wrong", new=OLD).status_code == 401


def test_no_link_of_others_claims_a_change(server: AuthorizationServer, person: Person) -> None:
    open_page(server, person)
    for mark in ("", "1", "x" * 43):
        assert "Password changed" not in person.open(f"{server.origin}/password?changed={mark}").text


def test_wrong_passwords_count_like_failed_logins(server: AuthorizationServer, person: Person) -> None:
    page = open_page(server, person)
    statuses = [change(person, page, password=f"wrong {n}").status_code for n in range(30)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert statuses.count(401) == 20, "one attempt each, as at the login"
    assert "Try again in" in change(person, page, password="wrong again").text


def test_a_form_of_another_site_changes_nothing(server: AuthorizationServer, person: Person) -> None:
    page = open_page(server, person)
    person.browser.headers["origin"] = "https://evil.example"
    assert change(person, page).status_code == 403
    del person.browser.headers["origin"]
    assert logs_in(server, person.username, OLD)


def test_a_visitor_without_a_login_is_sent_to_the_login(server: AuthorizationServer) -> None:
    response = httpx2.get(f"{server.origin}/password", trust_env=False)
    assert (response.status_code, response.headers["location"]) == (303, "login?to=password")
