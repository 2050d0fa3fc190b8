"""Passkeys as second factor and as the only one (WebAuthn), with an authenticator in software."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.users.passkey_check import PasskeyCheck
from auth_service.users.repository import User
from tests.auth_service.endpoints.passkey_pages import form_on, options_on, send, with_passkey
from tests.auth_service.endpoints.second_factors import (
    PASSWORD,
    at_another_browser,
    codes_on,
    is_logged_in,
    log_in,
    somebody,
    with_app,
)
from tests.auth_service.endpoints.soft_passkey import SoftPasskey
from tests.auth_service.service import AuthorizationServer, running
from tests.flow import Person, Pkce, forms_of
from tests.servers import free_port

pytestmark = pytest.mark.requirement("ID-5")

NEW = "seven moss harbours"


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    """At a name, which passkeys need."""
    port = free_port()
    with running(new_store(), port=port, issuer=f"http://localhost:{port}") as server:
        server.origin = server.issuer
        yield server


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = somebody(server)
    yield person
    person.close()


@pytest.fixture
def stranger(person: Person) -> Iterator[Person]:
    stranger = at_another_browser(person.username)
    yield stranger
    stranger.close()


def test_a_passkey_is_a_second_factor(server: AuthorizationServer, person: Person, stranger: Person) -> None:
    key, added = with_passkey(server, person, verifies=False)
    assert len(codes_on(added)) == 10
    assert "Phone" in person.open(f"{server.origin}/login-methods").text
    assert "The passkey “Phone” was added on" in person.open(f"{server.origin}/account").text
    page = log_in(server, stranger)
    assert page.url.path == "/second-factor"
    assert not is_logged_in(server, stranger)
    listed = send(stranger, page, key.get(options_on(page)))
    assert listed.url.path == "/login-methods"
    assert "last used" in listed.text


def test_a_passkey_that_verifies_the_person_is_enough(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    key, _ = with_passkey(server, person)
    client = server.register()
    login = stranger.open(client.authorization_url(Pkce(), scope="openid", acr_values="mfa"))
    options = options_on(login)
    assert options["userVerification"] == "required"
    assert not options.get("allowCredentials")
    page = send(stranger, login, key.get(options))
    assert page.url.path == "/consent"


def test_a_passkey_alone_must_verify_the_person(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    key, _ = with_passkey(server, person, verifies=False)
    page = stranger.open(f"{server.origin}/passkey-login")
    refused = send(stranger, page, key.get(options_on(page)))
    assert refused.status_code == 401
    assert "This passkey cannot be used" in refused.text
    assert not is_logged_in(server, stranger)


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://evil.example"},
        {"rp_id": "evil.example"},
        {"user_handle": "c29tZWJvZHk"},
        {"user_handle": None},
        {"credential_id": b"another credential"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_was_signed_elsewhere_or_for_somebody_else_is_refused(
    server: AuthorizationServer, person: Person, stranger: Person, change: dict[str, Any]
) -> None:
    key, _ = with_passkey(server, person)
    for name, value in change.items():
        setattr(key, name, value)
    page = stranger.open(f"{server.origin}/passkey-login")
    assert send(stranger, page, key.get(options_on(page))).status_code == 401
    assert not is_logged_in(server, stranger)


def test_what_was_signed_in_a_frame_of_another_site_is_refused(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    key, _ = with_passkey(server, person)
    page = stranger.open(f"{server.origin}/passkey-login")
    assert send(stranger, page, key.get(options_on(page), crossOrigin=True)).status_code == 401


def test_a_changed_signature_or_odd_json_is_refused(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    key, _ = with_passkey(server, person)
    page = stranger.open(f"{server.origin}/passkey-login")
    signed = json.loads(key.get(options_on(page)))
    forged = {**signed, "response": {**signed["response"], "signature": "AAAA"}}
    for odd in (json.dumps(forged), "", "{}", "[]", "null", "x" * 40_000, '{"id": 1, "response": {}}'):
        assert send(stranger, page, odd).status_code == 401, odd[:80]


def test_an_assertion_counts_once_and_only_in_its_browser(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    key, _ = with_passkey(server, person)
    page = stranger.open(f"{server.origin}/passkey-login")
    assertion = key.get(options_on(page))
    thief = at_another_browser(person.username)
    elsewhere = thief.open(f"{server.origin}/passkey-login")
    assert send(thief, elsewhere, assertion).status_code == 401  # not used yet, but of another browser
    assert send(stranger, page, assertion).url.path == "/account"
    page = thief.open(f"{server.origin}/passkey-login")
    assertion = key.get(options_on(page))
    assert send(thief, page, assertion).url.path == "/account"
    fresh_form = thief.open(f"{server.origin}/passkey-login")
    assert send(thief, fresh_form, assertion).status_code == 401  # the challenge was used
    thief.close()


@pytest.mark.requirement("ID-10")
def test_a_login_with_a_passkey_can_be_pressed_twice(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    key, _ = with_passkey(server, person, count=0)
    page = stranger.open(f"{server.origin}/passkey-login")
    form = form_on(page)
    fields = {**form.fields, "credential": key.get(options_on(page))}
    cookies = dict(stranger.browser.cookies)

    def press(_: int) -> tuple[int, str]:
        with at_another_browser(person.username).browser as same:
            same.cookies.update(cookies)
            answer = same.post(f"{server.origin}/passkey-login", data=fields)
            return answer.status_code, answer.headers.get("location", "")

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(press, range(3))) == {(303, "account")}
    assert "copied" not in person.open(f"{server.origin}/login-methods").text


def test_a_challenge_expires_and_is_for_one_purpose(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    key, _ = with_passkey(server, person)
    alone = stranger.open(f"{server.origin}/passkey-login")
    second = log_in(server, stranger)
    assert send(stranger, second, key.get(options_on(alone))).status_code == 401
    assert send(stranger, alone, key.get(options_on(second))).status_code == 401
    alone = stranger.open(f"{server.origin}/passkey-login")
    server.clock.advance(601)
    assert send(stranger, alone, key.get(options_on(alone))).status_code == 401


def test_a_copied_passkey_is_blocked_and_the_person_is_told(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    key, _ = with_passkey(server, person, count=0)
    page = stranger.open(f"{server.origin}/passkey-login")
    assert send(stranger, page, key.get(options_on(page))).url.path == "/account"
    key.count = 0
    page = stranger.open(f"{server.origin}/passkey-login")
    assert send(stranger, page, key.get(options_on(page))).status_code == 401
    page_text = person.open(f"{server.origin}/login-methods").text
    assert "copied: blocked" in page_text
    assert "was blocked, because a copy of it was used" in page_text
    key.count = 50
    page = stranger.open(f"{server.origin}/passkey-login")
    assert send(stranger, page, key.get(options_on(page))).status_code == 401


def test_a_passkey_is_listed_by_name_and_removed(server: AuthorizationServer, person: Person) -> None:
    key, _ = with_passkey(server, person)
    page = person.open(f"{server.origin}/login-methods")
    form = next(form for form in forms_of(page.text) if "credential_id" in form.fields)
    left = person.follow(
        person.browser.post(
            f"{server.origin}/login-methods", data={**form.fields, "action": "remove-passkey"}
        )
    )
    assert "Remove the passkey Phone" not in left.text
    assert "The passkey “Phone” was removed on" in left.text
    stranger = at_another_browser(person.username)
    assert log_in(server, stranger).url.path == "/login-methods"
    stranger.close()
    page = person.open(f"{server.origin}/passkey-login")
    assert send(person, page, key.get(options_on(page))).status_code == 401


def test_the_same_passkey_is_not_added_twice(server: AuthorizationServer, person: Person) -> None:
    key, _ = with_passkey(server, person)
    page = person.open(f"{server.origin}/add-passkey")
    options = options_on(page)
    assert len(options["excludeCredentials"]) == 1
    assert send(person, page, key.create(options), name="Again").status_code == 409


def test_a_disabled_account_does_not_log_in_with_a_passkey(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    key, _ = with_passkey(server, person)
    server.disable_user(person.username)
    page = stranger.open(f"{server.origin}/passkey-login")
    assert send(stranger, page, key.get(options_on(page))).status_code == 401
    assert not is_logged_in(server, stranger)


def test_a_passkey_that_is_removed_during_the_login_does_not_suffice(
    server: AuthorizationServer, person: Person, stranger: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = with_passkey(server, person)
    accepts = PasskeyCheck.accepts

    async def and_removes(check: PasskeyCheck, *arguments: Any, **options: Any) -> str:
        subject = await accepts(check, *arguments, **options)
        await check._factors.reset(subject)  # noqa: SLF001
        return subject

    monkeypatch.setattr(PasskeyCheck, "accepts", and_removes)
    page = stranger.open(f"{server.origin}/passkey-login")
    assert send(stranger, page, key.get(options_on(page))).status_code == 401
    assert not is_logged_in(server, stranger)


def test_on_an_ip_address_the_pages_say_that_passkeys_need_a_name(new_store: Callable[[], str]) -> None:
    with running(new_store()) as server:
        person = somebody(server)
        with_app(server, person)
        for path in ("add-passkey", "passkey-login"):
            assert "Passkeys need a domain name" in person.open(f"{server.origin}/{path}").text
        assert "passkey" not in person.open(f"{server.origin}/login").text
        person.close()


def test_the_only_way_to_log_in_is_not_removed(
    server: AuthorizationServer, person: Person, stranger: Person
) -> None:
    first, _ = with_passkey(server, person)

    async def without_password(accounts: AccountLifecycle, user: User) -> None:
        await accounts.users.change(user, lambda current: replace(current, password_hash=""))

    def log_in_alone(key: SoftPasskey) -> None:
        page = stranger.open(f"{server.origin}/passkey-login?to=login-methods")
        assert send(stranger, page, key.get(options_on(page))).url.path == "/login-methods"

    def remove_first() -> httpx2.Response:
        page = stranger.open(f"{server.origin}/login-methods")
        return stranger.submit(page, {"action": "remove-passkey"})

    server.with_account(person.username, without_password)
    log_in_alone(first)
    refused = remove_first()
    assert (refused.status_code, "your only way to log in" in refused.text) == (409, True)
    page = stranger.open(f"{server.origin}/add-passkey")
    second = SoftPasskey(server.issuer)
    assert send(stranger, page, second.create(options_on(page)), name="Key").status_code == 200
    assert remove_first().status_code == 409, "it is not known whether the other one suffices"
    log_in_alone(second)
    assert "Phone" not in remove_first().text.partition("<ul")[2]
    assert remove_first().status_code == 409


def test_a_new_password_tells_of_the_factors_that_it_does_not_end(
    server: AuthorizationServer, person: Person
) -> None:
    with_passkey(server, person)
    page = person.open(f"{server.origin}/password")
    new: dict[str, str | None] = {"password": PASSWORD, "new_password": NEW, "new_password_again": NEW}
    done = person.submit(page, new)
    assert "<bdi>Phone</bdi>" in done.text
    assert "The password was changed on" in person.open(f"{server.origin}/account").text
    server.clock.advance(31 * 86_400)
    person.password = NEW
    assert "Phone" not in person.open(str(done.url)).text
