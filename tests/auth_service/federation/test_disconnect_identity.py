"""The page on which a person disconnects an identity, the console that does it, and the password page."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.auth_service.console import AtTheConsole
from tests.auth_service.federation.people import logged_in_as, open_login
from tests.auth_service.federation.provider import FakeProvider, FederatedPerson
from tests.auth_service.journal.events import events_of
from tests.auth_service.service import AuthorizationServer
from tests.flow import Person

pytestmark = pytest.mark.requirement("ID-2", "ID-7", "ID-10")

PASSWORD, NEW = "correct horse battery", "seven moss harbours"


@pytest.fixture
def owner(server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson) -> FederatedPerson:
    """Somebody with an account made at the first login, and a password since; logged in with that."""
    open_login(person, server)
    server.set_password(provider.claims["preferred_username"], PASSWORD)
    person.username, person.password = provider.claims["preferred_username"], PASSWORD
    Person.log_in(person, person.open(f"{server.origin}/login"))
    return person


def disconnecting(server: AuthorizationServer, person: Person) -> httpx2.Response:
    account = person.open(f"{server.origin}/account")
    link = account.text.partition('href="disconnect-identity?')[2].partition('"')[0]
    return person.open(f"{server.origin}/disconnect-identity?{link}")


def logs_in_there(server: AuthorizationServer, provider: FakeProvider) -> Any:
    again = FederatedPerson(provider)
    open_login(again, server)
    subject = logged_in_as(again, server)
    again.close()
    return subject


def test_the_account_page_lists_the_identity(
    server: AuthorizationServer, provider: FakeProvider, owner: FederatedPerson
) -> None:
    text = owner.open(f"{server.origin}/account").text
    for part in ("Login providers", provider.claims["preferred_username"], "last used"):
        assert part in text


def test_with_the_password_it_is_disconnected_and_the_press_is_safe_to_repeat(
    server: AuthorizationServer, provider: FakeProvider, owner: FederatedPerson
) -> None:
    subject, thief = logged_in_as(owner, server), FederatedPerson(provider)
    stolen = server.register().connect(thief)["access_token"]
    access_token = server.register().connect(owner)["access_token"]
    page = disconnecting(server, owner)
    answers = [owner.submit(page, {"password": PASSWORD}) for _ in range(2)]
    assert [answer.url.path for answer in answers] == ["/account", "/account"]
    assert "Login providers" not in answers[1].text
    assert [server.is_active(token) for token in (stolen, access_token)] == [False, True]
    assert logged_in_as(thief, server) is None
    assert logs_in_there(server, provider) != subject
    thief.close()


def test_without_the_password_it_stays(
    server: AuthorizationServer, provider: FakeProvider, owner: FederatedPerson
) -> None:
    subject = logged_in_as(owner, server)
    refused = owner.submit(disconnecting(server, owner), {"password": "wrong"})
    assert (refused.status_code, "The current password is wrong." in refused.text) == (401, True)
    assert logs_in_there(server, provider) == subject


def test_the_only_way_to_log_in_stays(server: AuthorizationServer, person: FederatedPerson) -> None:
    open_login(person, server)
    page = disconnecting(server, person)
    assert "Current password" not in page.text
    refused = person.submit(page, {})
    assert (refused.status_code, "the only way to log in" in refused.text) == (409, True)


def test_where_there_is_no_password_the_login_must_be_fresh(
    server: AuthorizationServer, person: FederatedPerson
) -> None:
    open_login(person, server)
    page = disconnecting(server, person)
    server.clock.advance(601)
    refused = person.submit(page, {})
    assert (refused.status_code, "Log in again, then try again" in refused.text) == (401, True)


@pytest.mark.parametrize("disconnects", [True, False])
def test_a_change_of_the_password_offers_to_disconnect(
    server: AuthorizationServer, provider: FakeProvider, owner: FederatedPerson, *, disconnects: bool
) -> None:
    subject, page = logged_in_as(owner, server), owner.open(f"{server.origin}/password")
    assert "somebody else may have connected one" in page.text
    fields: dict[str, str | None] = {
        "password": PASSWORD,
        "new_password": NEW,
        "new_password_again": NEW,
        "disconnect_identities": "1" if disconnects else None,
    }
    assert "Password changed" in owner.submit(page, fields).text
    assert logged_in_as(owner, server) == subject
    assert (logs_in_there(server, provider) == subject) is not disconnects


def test_an_administrator_disconnects_it(
    server: AuthorizationServer, provider: FakeProvider, owner: FederatedPerson
) -> None:
    subject = logged_in_as(owner, server)
    administrator = Person(trust_env=False)
    console = AtTheConsole(server, administrator)
    page = console.open(f"person?name={owner.username}")
    assert "Login providers" in page.text
    assert "Login providers" not in console.press(page, "disconnect").text
    assert logs_in_there(server, provider) != subject
    administrator.close()


def test_each_connection_and_disconnection_of_an_identity_is_an_event(
    server: AuthorizationServer, provider: FakeProvider, owner: FederatedPerson
) -> None:
    subject = server.subject_of(owner.username)
    owner.submit(disconnecting(server, owner), {"password": PASSWORD})
    server.register()  # its event is stored after those that wait
    connected, disconnected = events_of(server, kind="account", subject=subject)
    assert (connected["action"], disconnected["action"]) == ("identity connected", "identity disconnected")
    assert connected["identity"] == disconnected["identity"]
    assert connected["how"] == "created"
    assert provider.claims["preferred_username"] not in json.dumps(connected)
