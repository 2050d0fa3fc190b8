"""Remembered consents end with what else was opened by somebody who may have known the old password."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest

from auth_service.authorize.consents import ConsentRepository
from auth_service.crypto.passwords import Passwords
from auth_service.users.renaming import UserRenames
from auth_service.users.repository import UserRepository
from auth_service.users.sessions import SessionRepository
from shared.clock import system_clock
from shared.storage import Store
from tests.auth_service.protocol.builders import client as a_client
from tests.auth_service.protocol.interactions import request_with
from tests.auth_service.service import AuthorizationServer, nobodys
from tests.flow import Client, Person, Pkce

pytestmark = pytest.mark.requirement("AS-9", "SEC-5")

OLD, NEW = "a password", "another password"
CALLBACK = "https://client.example/cb"


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("user"), OLD)
    yield person
    person.close()


@pytest.fixture
def thief(person: Person) -> Iterator[Person]:
    """Somebody else who knows the password, at a browser of their own."""
    thief = Person(person.username, OLD, trust_env=False)
    yield thief
    thief.close()


def web_client(server: AuthorizationServer) -> Client:
    """A client that gets its answer at a site, so that consents count without a page."""
    return server.register(redirect_uris=[CALLBACK])


def silently(person: Person, client: Client) -> str | None:
    """The error of a request that may show no page; None where it was granted."""
    response = person.open(client.authorization_url(Pkce(), prompt="none"))
    return dict(parse_qsl(urlsplit(response.headers["location"]).query)).get("error")


def change_on_the_page(server: AuthorizationServer, person: Person) -> str:
    """Change the password in the person's session; what the form and the page after it say."""
    form = person.open(f"{server.origin}/password")
    fields = {"password": person.password, "new_password": NEW, "new_password_again": NEW}
    done = person.submit(form, {**fields})
    assert "Password changed" in done.text
    person.password = NEW
    return form.text + done.text


def log_in_again(server: AuthorizationServer, person: Person, password: str) -> None:
    person.password = password
    assert "Your account" in person.log_in(person.open(f"{server.origin}/login")).text


def test_a_password_change_forgets_consents_of_other_sessions_and_keeps_those_of_its_own(
    server: AuthorizationServer, person: Person, thief: Person
) -> None:
    mine, theirs = web_client(server), web_client(server)
    mine.connect(person)
    theirs.connect(thief)
    assert [silently(person, client) for client in (mine, theirs)] == [None, None]
    assert change_on_the_page(server, person).count("disconnected and must ask you again") == 2
    assert [silently(person, client) for client in (mine, theirs)] == [None, "consent_required"]
    # They stay forgotten in later sessions, and a consent that is given again counts again.
    log_in_again(server, person, NEW)
    assert [silently(person, client) for client in (mine, theirs)] == [None, "consent_required"]
    theirs.connect(person)
    assert silently(person, theirs) is None


def test_a_second_change_in_another_session_forgets_what_the_first_one_spared(
    server: AuthorizationServer, person: Person
) -> None:
    client, later = web_client(server), Person(person.username, NEW, trust_env=False)
    client.connect(person)
    change_on_the_page(server, person)
    log_in_again(server, later, NEW)
    assert silently(later, client) is None
    change_on_the_page(server, later)
    assert silently(later, client) == "consent_required"
    later.close()


@pytest.mark.parametrize(("keep", "error"), [(False, "consent_required"), (True, None)])
def test_the_command_forgets_all_consents_unless_it_keeps_connections(
    server: AuthorizationServer, person: Person, keep: bool, error: str | None
) -> None:
    client = web_client(server)
    client.connect(person)
    server.set_password(person.username, NEW, keep_connections=keep)
    log_in_again(server, person, NEW)
    assert silently(person, client) == error


def test_an_account_that_was_disabled_and_enabled_is_asked_again(
    server: AuthorizationServer, person: Person
) -> None:
    client = web_client(server)
    client.connect(person)
    change_on_the_page(server, person)
    assert silently(person, client) is None, "given in this session"
    server.disable_user(person.username)
    server.enable_user(person.username)
    log_in_again(server, person, NEW)
    assert silently(person, client) == "consent_required"
    client.connect(person)
    assert silently(person, client) is None


@pytest.mark.anyio
async def test_a_consent_that_a_password_change_overtakes_does_not_count(store: Store) -> None:
    users, client = UserRepository(store, Passwords()), a_client()
    consents, sessions = ConsentRepository(store, users, 60), SessionRepository(store, system_clock, ttl_s=60)
    ada = await users.add("ada", OLD)
    session = await sessions.begin(ada, "secret")
    changed = await users.set_password(ada, NEW)
    await consents.remember(session, request_with(), ("notes:read",), client)
    for later in (session, await sessions.begin(changed, "another secret")):
        assert await consents.approvals(later, client) == ()
    await consents.remember(later, request_with(), ("notes:read",), client)
    assert await consents.approvals(later, client) != ()


@pytest.mark.anyio
async def test_a_consent_lasts_when_its_account_is_renamed_and_ends_when_it_is_deleted(store: Store) -> None:
    users, client = UserRepository(store, Passwords()), a_client()
    consents, sessions = ConsentRepository(store, users, 60), SessionRepository(store, system_clock, ttl_s=60)
    ada = await users.add("ada", OLD)
    session = await sessions.begin(ada, "secret")
    await consents.remember(session, request_with(), ("notes:read",), client)
    renamed = await UserRenames(store, users).rename("ada", "lovelace")
    assert await consents.approvals(session, client) != ()
    await users.delete(renamed)
    assert await consents.approvals(session, client) == ()


@pytest.mark.anyio
async def test_consenting_to_the_same_in_many_sessions_pushes_out_no_other_consent(store: Store) -> None:
    users = UserRepository(store, Passwords())
    user, client, consents = await users.add("ada", OLD), a_client(), ConsentRepository(store, users, 60)
    sessions = SessionRepository(store, system_clock, ttl_s=60)
    once, often = (
        request_with(resource="https://once.example"),
        request_with(resource="https://often.example"),
    )
    for number, request in enumerate((once, *[often] * 30)):
        session = await sessions.begin(user, f"secret {number}")
        await consents.remember(session, request, ("notes:read",), client)
    remembered = [approval.resource for approval in await consents.approvals(session, client)]
    assert remembered == [often.resource, once.resource]
