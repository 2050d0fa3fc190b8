"""SEC-16: guessing passwords, guessing names, planting and riding on sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.auth_service.service import AuthorizationServer, elsewhere, nobodys, running
from tests.cookies import cookie_name
from tests.flow import Person, Pkce, forms_of
from tests.servers import wait_until

pytestmark = pytest.mark.requirement("SEC-16", "AS-23")

FAILURES = 3
WINDOW_S = 300


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    """A limit of few failures, so that the tests need not hash many passwords."""
    with running(new_store(), login_failures=FAILURES) as server:
        yield server


def somebody(username: str = "wesen", password: str = "secret") -> Person:
    """At a browser of their own, in a network of their own."""
    return Person(username, password, trust_env=False, transport=elsewhere())


def guess(
    server: AuthorizationServer, person: Person, password: str, username: str = "wesen"
) -> httpx2.Response:
    page = person.open(f"{server.origin}/login")
    return person.submit(page, {"username": username, "password": password})


def test_so_many_failures_from_one_network_and_even_the_right_password_waits(
    server: AuthorizationServer,
) -> None:
    attacker = somebody()
    assert [guess(server, attacker, f"guess {n}").status_code for n in range(FAILURES)] == [401] * FAILURES
    refused = guess(server, attacker, "secret")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= WINDOW_S
    assert "Too many failed logins" in refused.text
    assert cookie_name(server.issuer, "session") not in attacker.browser.cookies
    # Neither a new browser nor another name helps: it is the network that is counted.
    attacker.browser.cookies.clear()
    assert guess(server, attacker, "secret").status_code == 429
    assert guess(server, attacker, "x", username="another").status_code == 429
    attacker.close()


def test_as_it_comes_fewer_than_thirty_guesses_are_looked_at(new_store: Callable[[], str]) -> None:
    with running(new_store()) as server:
        attacker = somebody()
        page = attacker.open(f"{server.origin}/login")
        statuses = [
            attacker.submit(page, {"username": "wesen", "password": f"guess {n}"}).status_code
            for n in range(35)
        ]
        looked_at = statuses.count(401)
        assert looked_at < 30
        assert statuses == [401] * looked_at + [429] * (35 - looked_at)
        attacker.close()


def test_neither_the_account_nor_a_neighbour_is_locked_out(server: AuthorizationServer) -> None:
    attacker, neighbour = somebody(), somebody()
    for n in range(FAILURES + 3):
        guess(server, attacker, f"guess {n}")
    assert guess(server, attacker, "x").status_code == 429
    assert guess(server, neighbour, "secret").url.path == "/account"
    attacker.close()
    neighbour.close()


def test_a_browser_that_logged_in_before_still_gets_in_from_the_same_network(
    server: AuthorizationServer,
) -> None:
    transport = elsewhere()
    user = Person(trust_env=False, transport=transport)
    assert guess(server, user, "secret").url.path == "/account"
    device = user.browser.cookies[cookie_name(server.issuer, "known_browser")]
    attacker = Person(trust_env=False, transport=transport)
    for n in range(FAILURES + 1):
        guess(server, attacker, f"guess {n}")
    user.browser.cookies.delete(cookie_name(server.issuer, "session"))
    assert guess(server, user, "secret").url.path == "/account"
    # What it may try is bounded as well, and it is good for this one user only.
    thief = Person(trust_env=False, transport=transport)
    thief.browser.cookies.set(cookie_name(server.issuer, "known_browser"), device)
    assert guess(server, thief, "x", username="another").status_code == 429
    statuses = [guess(server, thief, f"guess {n}").status_code for n in range(FAILURES + 1)]
    assert statuses == [401] * FAILURES + [429]
    for each in (user, attacker, thief):
        each.close()


def test_a_device_mark_is_not_good_for_the_next_owner_of_the_username(server: AuthorizationServer) -> None:
    name, transport = nobodys("former"), elsewhere()
    server.add_user(name, "a password").close()
    former = Person(name, "a password", trust_env=False, transport=transport)
    assert guess(server, former, "a password", username=name).url.path == "/account"
    server.delete_user(name)
    server.add_user(name, "another password").close()
    neighbour = Person(trust_env=False, transport=transport)
    for n in range(FAILURES):
        guess(server, neighbour, f"guess {n}")
    assert guess(server, former, "guess", username=name).status_code == 429
    former.close()
    neighbour.close()


def test_a_device_mark_for_ones_own_account_opens_no_guesses_at_anothers(server: AuthorizationServer) -> None:
    server.add_user("mallory", "password").close()
    mallory = somebody("mallory", "password")
    assert guess(server, mallory, "password", username="mallory").url.path == "/account"
    for n in range(FAILURES):
        guess(server, mallory, f"guess {n}")
    assert guess(server, mallory, "secret").status_code == 429
    assert guess(server, mallory, "password", username="mallory").url.path == "/account"
    mallory.close()


def test_guesses_at_the_same_time_get_no_more_tries(server: AuthorizationServer) -> None:
    transport, attacker = elsewhere(), somebody()
    form = forms_of(attacker.open(f"{server.origin}/login").text)[0].fields
    cookies = dict(attacker.browser.cookies)
    browser = httpx2.Client(transport=transport, cookies=cookies, trust_env=False, timeout=60)

    def attempt(n: int) -> int:
        fields = {**form, "username": "wesen", "password": f"guess {n}"}
        return browser.post(f"{server.origin}/login", data=fields).status_code

    with ThreadPoolExecutor(12) as pool:
        statuses = sorted(pool.map(attempt, range(24)))
    assert statuses == [401] * FAILURES + [429] * (24 - FAILURES)
    browser.close()
    attacker.close()


def test_good_logins_are_not_counted(server: AuthorizationServer) -> None:
    person = somebody()
    for _ in range(FAILURES + 2):
        assert guess(server, person, "secret").url.path == "/account"
        person.browser.cookies.clear()
    person.close()


def test_a_good_login_forgives_itself_and_not_the_bad_ones(server: AuthorizationServer) -> None:
    attacker = somebody("own", "password")
    server.add_user("own", "password").close()
    for n in range(FAILURES):
        attacker.browser.cookies.clear()
        assert guess(server, attacker, f"guess {n}").status_code == 401
        if n < FAILURES - 1:
            attacker.browser.cookies.clear()
            assert guess(server, attacker, "password", username="own").url.path == "/account"
    attacker.browser.cookies.clear()
    assert guess(server, attacker, "secret").status_code == 429
    attacker.close()


def test_after_the_window_counting_starts_again(new_store: Callable[[], str]) -> None:
    with running(new_store(), login_failures=FAILURES, login_window_s=5) as server:
        person = somebody()
        assert [guess(server, person, "wrong").status_code for _ in range(FAILURES + 1)][-1] == 429
        wait_until(lambda: guess(server, person, "secret").url.path == "/account")
        person.close()


def test_a_session_that_was_planted_is_not_the_one_that_is_used(server: AuthorizationServer) -> None:
    victim = somebody()
    name = cookie_name(server.issuer, "session")
    victim.browser.cookies.set(name, "planted by the attacker", domain="127.0.0.1", path="/")
    page = victim.open(f"{server.origin}/login")
    form = forms_of(page.text)[0].fields
    response = victim.browser.post(
        f"{server.origin}/login", data={**form, "username": "wesen", "password": "secret"}
    )
    set_cookies = [c for c in response.headers.get_list("set-cookie") if c.startswith(f"{name}=")]
    assert len(set_cookies) == 1
    assert "planted" not in set_cookies[0]
    attacker = somebody()
    attacker.browser.cookies.set(name, "planted by the attacker")
    assert attacker.open(f"{server.origin}/account").url.path == "/login"
    victim.close()
    attacker.close()


def test_a_login_form_of_the_attackers_own_logs_nobody_else_in(server: AuthorizationServer) -> None:
    attacker, victim = somebody(), somebody()
    theirs = forms_of(attacker.open(f"{server.origin}/login").text)[0].fields
    forged = victim.browser.post(
        f"{server.origin}/login", data={**theirs, "username": "wesen", "password": "secret"}
    )
    assert forged.status_code == 400
    assert cookie_name(server.issuer, "session") not in victim.browser.cookies
    attacker.close()
    victim.close()


def test_logging_in_leads_nowhere_but_on_with_ones_own_request(server: AuthorizationServer) -> None:
    person = somebody()
    for more in (
        {"next": "https://evil.example"},
        {"pending": "https://evil.example"},
        {"pending": "//evil"},
    ):
        page = person.open(f"{server.origin}/login?return_to=https://evil.example")
        landed = person.submit(page, {"username": "wesen", "password": "secret", **more})
        assert str(landed.url) == f"{server.origin}/account"
    client = server.register()
    page = person.open(client.authorization_url(Pkce(), prompt="login"))
    assert person.log_in(page).url.path == "/consent"
    person.close()
