"""Login with an authenticator app and recovery codes (RFC 6238)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin

import pytest

from auth_service.users.factors import FactorRepository
from shared.storage import Store
from tests.auth_service.endpoints.second_factors import (
    WRONG,
    App,
    at_another_browser,
    codes_on,
    is_logged_in,
    key_on,
    log_in,
    second_step,
    somebody,
    with_app,
)
from tests.auth_service.service import AuthorizationServer
from tests.flow import Person, Pkce, forms_of

pytestmark = pytest.mark.requirement("ID-5")


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = somebody(server)
    yield person
    person.close()


@pytest.fixture
def stranger(person: Person) -> Iterator[Person]:
    """Somebody at another browser who knows the password."""
    stranger = at_another_browser(person.username)
    yield stranger
    stranger.close()


def test_the_app_counts_only_once_it_has_shown_a_code(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    log_in(server, person)
    page = person.open(f"{server.origin}/add-authenticator")
    assert "<svg" in page.text
    wrong = person.submit(page, {"code": "000000"})
    assert wrong.status_code == 400
    assert "The code is wrong" in wrong.text
    assert key_on(wrong) == key_on(page)
    log_in(server, stranger)
    assert is_logged_in(server, stranger)


def test_after_the_password_the_login_waits_for_the_code(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    app, _ = with_app(server, person)
    page = log_in(server, stranger)
    assert page.url.path == "/second-factor"
    assert not is_logged_in(server, stranger)
    wrong = second_step(stranger, page, "000000")
    assert wrong.status_code == 401
    assert WRONG in wrong.text
    assert not is_logged_in(server, stranger)
    assert second_step(stranger, wrong, app.next_code()).url.path == "/login-methods"
    assert is_logged_in(server, stranger)


def test_a_code_is_used_up_also_by_the_enrolment(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    app, _ = with_app(server, person)
    page = log_in(server, stranger)
    assert second_step(stranger, page, app.code()).status_code == 401
    code = app.next_code()
    assert second_step(stranger, page, code).url.path == "/login-methods"
    thief = at_another_browser(person.username)
    assert second_step(thief, log_in(server, thief), code).status_code == 401
    thief.close()


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_off_by_one_step(
    server: AuthorizationServer, person: Person, stranger: Person, steps: int, accepted: bool
) -> None:
    app, _ = with_app(server, person)
    server.clock.advance(120)
    page = log_in(server, stranger)
    second_step(stranger, page, app.code(steps))
    assert is_logged_in(server, stranger) is accepted


def test_of_many_logins_with_one_code_at_a_time_one_succeeds(
    server: AuthorizationServer, person: Person
) -> None:
    app, _ = with_app(server, person)
    crowd = [at_another_browser(person.username) for _ in range(6)]
    pages = [log_in(server, each) for each in crowd]
    code = app.next_code()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda pair: second_step(pair[0], pair[1], code), zip(crowd, pages, strict=True)))
    assert [is_logged_in(server, each) for each in crowd].count(True) == 1
    for each in crowd:
        each.close()


@pytest.mark.requirement("ID-10")
def test_the_second_step_can_be_pressed_twice(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    app, _ = with_app(server, person)
    page = log_in(server, stranger)
    form = forms_of(page.text)[0]
    fields = {**form.fields, "code": app.next_code()}
    url = urljoin(str(page.url), form.action)
    cookies = dict(stranger.browser.cookies)

    def press(_: int) -> tuple[int, str]:
        with at_another_browser(person.username).browser as same:
            same.cookies.update(cookies)
            answer = same.post(url, data=fields)
            return answer.status_code, answer.headers.get("location", "")

    with ThreadPoolExecutor(3) as pool:
        answers = set(pool.map(press, range(3)))
    assert answers == {(303, "login-methods")}
    # In another form, the same code is refused.
    again = at_another_browser(person.username)
    assert second_step(again, log_in(server, again), fields["code"]).status_code == 401
    again.close()


def test_a_form_that_is_submitted_again_after_a_logout_does_not_log_in(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    app, _ = with_app(server, person)
    page = log_in(server, stranger)
    form = forms_of(page.text)[0]
    fields, url = {**form.fields, "code": app.next_code()}, urljoin(str(page.url), form.action)
    assert stranger.browser.post(url, data=fields).status_code == 303
    assert is_logged_in(server, stranger)
    stranger.submit(stranger.open(f"{server.origin}/logout"), {})
    stranger.browser.post(url, data=fields)
    assert not is_logged_in(server, stranger)


def test_the_step_belongs_to_the_browser_that_gave_the_password(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    app, _ = with_app(server, person)
    page = log_in(server, stranger)
    other = at_another_browser(person.username)
    other.open(f"{server.origin}/login")
    assert other.open(str(page.url)).status_code == 400
    form = forms_of(page.text)[0]
    posted = other.browser.post(
        f"{server.origin}/second-factor", data={**form.fields, "code": app.next_code()}
    )
    assert posted.status_code == 400
    assert not is_logged_in(server, other)
    other.close()


def test_the_step_ends_after_ten_minutes_or_with_the_password(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    app, _ = with_app(server, person)
    page = log_in(server, stranger)
    server.set_password(person.username, "seven moss harbours")
    assert second_step(stranger, page, app.next_code()).status_code == 400
    stranger.password = "seven moss harbours"
    page = log_in(server, stranger)
    server.disable_user(person.username)
    assert second_step(stranger, page, app.next_code()).status_code == 400


def test_it_goes_on_with_the_request_of_the_client(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    app, _ = with_app(server, person)
    client = server.register()
    page = stranger.log_in(stranger.open(client.authorization_url(Pkce(), scope="openid notes:read")))
    assert page.url.path == "/second-factor"
    assert second_step(stranger, page, app.next_code()).url.path == "/consent"


@pytest.mark.requirement("AS-23")
def test_wrong_codes_are_limited_and_lock_nobody_out(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    app, recovery = with_app(server, person)
    page = log_in(server, stranger)
    statuses = [second_step(stranger, page, f"{n:06}").status_code for n in range(25)]
    assert statuses == [401] * 20 + [429] * 5
    assert second_step(stranger, page, app.next_code()).status_code == 429
    # The owner's browser is known and is counted by itself.
    person.open(f"{server.origin}/login")
    assert second_step(person, log_in(server, person), app.next_code()).url.path == "/login-methods"
    # At yet another browser in yet another network, the owner gets in, too.
    elsewhere = at_another_browser(person.username)
    page = log_in(server, elsewhere)
    assert second_step(elsewhere, page, recovery[0]).url.path == "/login-methods"
    elsewhere.close()


def test_recovery_codes_are_shown_once_and_each_counts_once(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    _, recovery = with_app(server, person)
    assert len(set(recovery)) == 10
    page = log_in(server, stranger)
    listed = second_step(stranger, page, recovery[3].upper().replace("-", " "))
    assert listed.url.path == "/login-methods"
    assert "9 left" in listed.text
    assert recovery[0] not in listed.text
    again = at_another_browser(person.username)
    assert second_step(again, log_in(server, again), recovery[3]).status_code == 401
    again.close()


def test_new_recovery_codes_end_the_earlier_ones(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    _, earlier = with_app(server, person)
    page = person.open(f"{server.origin}/recovery-codes")
    assert "You have 10 unused recovery codes" in page.text
    codes_page = person.submit(page, {})
    recovery = codes_on(codes_page)
    assert codes_on(person.submit(page, {})) == recovery  # pressed twice
    assert set(recovery).isdisjoint(earlier)
    page = log_in(server, stranger)
    assert second_step(stranger, page, earlier[0]).status_code == 401
    assert second_step(stranger, page, recovery[0]).url.path == "/login-methods"


@pytest.mark.requirement("ID-10")
def test_adding_the_app_can_be_pressed_twice_and_shows_the_same_codes(
    server: AuthorizationServer, person: Person
) -> None:
    log_in(server, person)
    page = person.open(f"{server.origin}/add-authenticator")
    app = App(server, key_on(page))
    form = {**forms_of(page.text)[0].fields, "code": app.code()}
    cookies = dict(person.browser.cookies)

    def press(_: int) -> list[str]:
        with at_another_browser(person.username).browser as same:
            same.cookies.update(cookies)
            return codes_on(same.post(f"{server.origin}/add-authenticator", data=form))

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(press, range(2))
    assert len(first) == 10
    assert second == first == press(0)


@pytest.mark.requirement("SEC-10")
def test_neither_secret_nor_recovery_code_is_stored_as_it_is(
    server: AuthorizationServer, person: Person
) -> None:
    app, recovery = with_app(server, person)
    subject = server.subject_of(person.username)

    async def stored(store: Store) -> str:
        return repr(await FactorRepository(store, server.clock).of(subject))

    document = server.with_store(stored)
    assert app.totp.secret not in document
    assert not any(code in document or code.replace("-", "") in document for code in recovery)


@pytest.mark.requirement("SEC-16")
def test_a_wrong_password_takes_as_long_with_and_without_a_second_factor(
    server: AuthorizationServer, person: Person
) -> None:
    with_app(server, person)
    plain = somebody(server)

    def effort_s(username: str) -> float:
        attacker = at_another_browser(username)
        page = attacker.open(f"{server.origin}/login")
        efforts = []
        for n in range(12):
            began_s = time.process_time()
            attacker.submit(page, {"username": username, "password": f"{secrets.token_hex(4)} {n}"})
            efforts.append(time.process_time() - began_s)
        attacker.close()
        return min(efforts)

    effort_s("nobody")
    known_user, unknown, with_factor = map(effort_s, (plain.username, "nobody", person.username))
    assert known_user / 2 < unknown < known_user * 2
    assert known_user / 2 < with_factor < known_user * 2
    plain.close()
