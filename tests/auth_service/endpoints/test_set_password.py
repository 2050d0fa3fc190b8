"""One-time links by which people set their password, after a reset or an invitation (ID-6)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from auth_service.accounts.account_links import AccountLinks, LinkOverError
from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.protocol.factors import Factors, Passkey
from auth_service.users.repository import User
from shared.storage.interface import Store
from tests.auth_service.service import AuthorizationServer, elsewhere, nobodys
from tests.flow import Person

pytestmark = pytest.mark.requirement("ID-6", "ID-10", "SEC-16")

OLD, NEW, OTHER = "quiet copper lantern", "seven moss harbours", "nine tin orchards"
HOUR = 3_600


def links(store: Store, server: AuthorizationServer) -> AccountLinks:
    return AccountLinks(accounts=AccountLifecycle.of_store(store, server.clock), clock=server.clock)


def reset_link(server: AuthorizationServer, username: str, *, lock: bool = False) -> str:
    async def reset(store: Store) -> str:
        made = links(store, server)
        return await made.reset(await made.accounts.users.named(username), ttl_s=HOUR, lock=lock)

    return server.with_store(reset)


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("forgetful"), OLD)
    yield person
    person.close()


@pytest.fixture
def holder() -> Iterator[Person]:
    """The browser that opens the link."""
    holder = Person(trust_env=False, transport=elsewhere())
    yield holder
    holder.close()


def fields(new: str, again: str | None = None) -> dict[str, str | None]:
    return {"new_password": new, "new_password_again": again or new}


def logs_in(server: AuthorizationServer, username: str, password: str) -> bool:
    somebody = Person(username, password, transport=elsewhere())
    page = somebody.log_in(somebody.open(f"{server.origin}/login"))
    somebody.close()
    return page.url.path == "/account"


def test_a_reset_ends_the_sessions_and_its_link_sets_a_password_once(
    server: AuthorizationServer, person: Person, holder: Person
) -> None:
    token = server.register().connect(person)["access_token"]
    link = f"{server.origin}/set-password?link={reset_link(server, person.username)}"
    assert person.open(f"{server.origin}/account").url.path == "/login"
    assert logs_in(server, person.username, OLD)
    page = holder.open(link)
    answers = [holder.submit(page, fields(NEW)) for _ in range(2)]
    assert ["Password set" in answer.text for answer in answers] == [True, True]
    assert not server.is_active(token)
    assert [logs_in(server, person.username, password) for password in (OLD, NEW)] == [False, True]
    assert (holder.open(link).status_code, holder.submit(page, fields(OTHER)).status_code) == (404, 404)
    assert logs_in(server, person.username, NEW)


def test_a_reset_after_a_theft_ends_everything_at_once(
    server: AuthorizationServer, person: Person, holder: Person
) -> None:
    token = server.register().connect(person)["access_token"]

    async def add_key(accounts: AccountLifecycle, user: User) -> None:
        key = Passkey(credential_id="k", public_key="p", name="Thief", added_at=0)
        await accounts.factors.change(user.subject, lambda before: (replace(before, passkeys=(key,)), None))

    async def factors(accounts: AccountLifecycle, user: User) -> Factors:
        return await accounts.factors.of(user.subject)

    server.with_account(person.username, add_key)
    page = holder.open(f"{server.origin}/set-password?link={reset_link(server, person.username, lock=True)}")
    assert not logs_in(server, person.username, OLD)
    assert not server.is_active(token)
    left = server.with_account(person.username, factors)
    assert left.count == 0
    assert [notice.text for notice in left.notices] == [
        "The password was changed",
        "Your second factors were removed by an administrator",
    ]
    assert "Password set" in holder.submit(page, fields(NEW)).text
    assert logs_in(server, person.username, NEW)


def test_a_login_with_a_passkey_during_the_lock_is_refused(
    server: AuthorizationServer, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[User] = []
    reset_factors = AccountLifecycle.reset_factors

    async def reading(accounts: AccountLifecycle, account: User) -> bool:
        """Read the account as a login does whose passkey was just accepted."""
        read.append(await accounts.users.named(account.username))
        return await reset_factors(accounts, account)

    monkeypatch.setattr(AccountLifecycle, "reset_factors", reading)
    reset_link(server, person.username, lock=True)

    async def may_log_in(accounts: AccountLifecycle, _: User) -> bool:
        return await accounts.users.may_still_log_in(read[0])

    assert not server.with_account(person.username, may_log_in)


def test_an_invited_person_chooses_the_password_and_cannot_log_in_before(
    server: AuthorizationServer, holder: Person
) -> None:
    username = nobodys("invited")

    async def invite(store: Store) -> str:
        return (await links(store, server).invite(username, ttl_s=HOUR))[1]

    link = f"{server.origin}/set-password?link={server.with_store(invite)}"
    assert not logs_in(server, username, "")
    page = holder.open(link)
    weak = holder.submit(page, fields("password1"))
    assert (weak.status_code, "easily guessed" in weak.text) == (400, True)
    other = holder.submit(page, fields(NEW, OTHER))
    assert (other.status_code, "not the same" in other.text) == (400, True)
    assert "Password set" in holder.submit(page, fields(NEW)).text
    assert logs_in(server, username, NEW)


def test_every_link_that_is_not_valid_gets_the_same_page_and_the_same_log_line(
    server: AuthorizationServer, person: Person, holder: Person
) -> None:
    replaced = reset_link(server, person.username)
    other = server.add_user(nobodys("other"), OLD)
    expired = reset_link(server, other.username)
    server.clock.advance(HOUR)
    other.close()
    disabled = reset_link(server, person.username)
    server.disable_user(person.username)
    pages, events = set(), []
    for link in (replaced, expired, disabled, "dw_al_nobody.x", "x", "", f"{disabled}x"):
        with capture_logs() as lines:
            page = holder.open(f"{server.origin}/set-password?link={link}")
        pages.add((page.status_code, page.text.partition("request <code>")[0]))
        events += [{**line, "origin": None} for line in lines if line["event"] == "password not set"]
        assert not link or link not in str(lines)
    assert len(pages) == 1
    assert all(line == events[0] for line in events)
    assert len(events) == 7


def test_the_link_reaches_neither_the_log_nor_a_referer(
    server: AuthorizationServer, person: Person, holder: Person
) -> None:
    link = reset_link(server, person.username)
    with capture_logs() as lines:
        page = holder.open(f"{server.origin}/set-password?link={link}")
        done = holder.submit(page, fields(NEW))
    assert [response.headers["referrer-policy"] for response in (page, done)] == ["strict-origin"] * 2
    assert link not in str(lines)
    assert link not in str(done.url)
    assert [line["event"] for line in lines if "password" in line["event"]] == ["password set by link"]


def test_guesses_at_links_are_limited_and_a_valid_one_costs_nothing(
    server: AuthorizationServer, person: Person, holder: Person
) -> None:
    link = reset_link(server, person.username)
    for _ in range(40):
        assert holder.open(f"{server.origin}/set-password?link={link}").status_code == 200
    statuses = [holder.open(f"{server.origin}/set-password?link=x").status_code for _ in range(31)]
    assert statuses[-1] == 429


@pytest.mark.anyio
async def test_of_two_uses_at_the_same_time_one_wins(store: Store) -> None:
    accounts = AccountLifecycle.of_store(store, lambda: 1_000)
    both = AccountLinks(accounts=accounts, clock=lambda: 1_000)
    _, secret = await both.invite("ada", ttl_s=HOUR)
    results = await asyncio.gather(
        *(both.redeem(secret, password) for password in (NEW, OTHER)), return_exceptions=True
    )
    assert sum(isinstance(result, LinkOverError) for result in results) == 1
    assert secret not in str(await accounts.users.named("ada"))


@pytest.mark.anyio
async def test_invitations_that_nobody_has_accepted_are_bounded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auth_service.accounts.account_links.MOST_INVITED", 2)
    made = AccountLinks(accounts=AccountLifecycle.of_store(store, lambda: 1_000), clock=lambda: 1_000)
    await made.invite("ada", ttl_s=HOUR)
    _, secret = await made.invite("bob", ttl_s=HOUR)
    with pytest.raises(ValueError, match="2 invitations are open"):
        await made.invite("eve", ttl_s=HOUR)
    await made.redeem(secret, NEW)
    await made.invite("eve", ttl_s=HOUR)
