"""Accounts made at the first login, and those that are connected to one that was there (ID-2)."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from auth_service.crypto.passwords import Passwords
from auth_service.users.repository import User, UserRepository
from tests.auth_service.federation.people import logged_in_as, open_login
from tests.auth_service.federation.provider import FakeProvider, FederatedPerson
from tests.auth_service.service import AuthorizationServer, nobodys
from tests.flow import Person

pytestmark = pytest.mark.requirement("ID-2")

ALLOW = {"domains": ["corp.example"], "groups": ["guests"], "subjects": ["the-one"]}


@pytest.fixture(scope="module")
def configuration() -> dict[str, Any]:
    return {"allow": ALLOW, "link": "verified_email", "contact": "it@corp.example", "label": "Corp"}


def local_account(server: AuthorizationServer, email: str, *, admin: bool = False) -> User:
    name = nobodys("local")
    server.add_user(name, "correct horse battery").close()

    async def prepare(store: Any) -> User:
        users = UserRepository(store, Passwords(), server.clock)
        user = await users.set_admin(await users.named(name), admin)
        return await users.set_email(user, email)

    return server.with_store(prepare)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"email": "x@elsewhere.example", "groups": ["others", "guests"]},
        {"email": None, "sub": "the-one"},
    ],
)
def test_a_person_on_one_of_the_lists_gets_in(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson, changes: dict[str, Any]
) -> None:
    provider.claims |= changes
    assert open_login(person, server).url.path == "/account"


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "ada@elsewhere.example"},
        {"email": "ada@corp.example.evil.example"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": None, "groups": ["guest"]},
    ],
)
def test_a_person_on_no_list_sees_which_account_it_was_and_whom_to_ask(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson, changes: dict[str, Any]
) -> None:
    provider.claims |= changes
    with capture_logs() as logs:
        page = open_login(person, server)
    assert page.status_code == 403
    assert provider.claims["preferred_username"] in page.text
    assert "it@corp.example" in page.text
    assert logged_in_as(person, server) is None
    (entry,) = [log for log in logs if log["event"] == "federated login refused"]
    assert (entry["provider"], entry["provider_subject"]) == ("fake", provider.claims["sub"])


def test_groups_that_were_omitted_are_reported_as_missing(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    provider.claims |= {"email": None, "hasgroups": True}
    page = open_login(person, server)
    assert page.status_code == 403
    assert "did not send your groups" in page.text


def test_somebody_who_is_taken_off_the_list_is_refused_at_the_next_login(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    provider.claims |= {"email": None, "groups": ["guests"]}
    assert open_login(person, server).url.path == "/account"
    provider.claims["groups"] = []
    assert open_login(person, server).status_code == 403


def test_usernames_are_unique_and_never_somebody_elses(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    name = nobodys("taken")
    local = server.add_user(name, "correct horse battery")
    provider.claims["preferred_username"] = name.upper()
    introspection = server.introspect(server.register().connect(person)["access_token"])
    assert introspection["username"] == f"{name.upper()}-2"
    local.log_in(local.open(f"{server.origin}/login"))
    assert logged_in_as(local, server) != introspection["sub"]
    local.close()


def test_a_verified_address_connects_to_the_account_that_has_it(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    local = local_account(server, provider.claims["email"])
    with capture_logs() as logs:
        open_login(person, server)
    assert logged_in_as(person, server) == local.subject
    assert [log["how"] for log in logs if log["event"] == "login"] == ["linked by e-mail"]
    assert "at Corp was connected on" in person.open(f"{server.origin}/account").text
    # From now on it is the identity that counts, whatever the address is.
    provider.claims["email"] = "renamed@corp.example"
    again = FederatedPerson(provider)
    open_login(again, server)
    assert logged_in_as(again, server) == local.subject
    again.close()


def test_an_unverified_address_connects_to_nothing(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    local = local_account(server, provider.claims["email"])
    provider.claims |= {"email_verified": False, "groups": ["guests"]}
    assert open_login(person, server).url.path == "/account"
    assert logged_in_as(person, server) not in (local.subject, None)


@pytest.mark.requirement("SEC-16")
def test_an_administrators_account_is_never_connected_by_an_address(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    local = local_account(server, provider.claims["email"], admin=True)
    page = open_login(person, server)
    assert page.status_code == 403
    assert "Log in with your password first" in page.text
    assert logged_in_as(person, server) is None
    # Its owner can, once logged in.
    person.username, person.password = local.username, "correct horse battery"
    Person.log_in(person, person.open(f"{server.origin}/login"))
    connected = person.open(provider.approve(person.leave(person.open(f"{server.origin}/account"))))
    assert connected.url.path == "/account"
    again = FederatedPerson(provider)
    open_login(again, server)
    assert logged_in_as(again, server) == local.subject
    again.close()


@pytest.mark.requirement("SEC-16")
def test_an_address_that_was_given_to_another_person_opens_nothing_of_the_first(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    open_login(person, server)
    first = logged_in_as(person, server)
    provider.claims["sub"] = "the next employee"
    next_person = FederatedPerson(provider)
    assert open_login(next_person, server).status_code == 403
    assert logged_in_as(next_person, server) is None
    assert first is not None
    next_person.close()


@pytest.mark.requirement("SEC-16")
def test_an_identity_that_has_an_account_is_not_connected_to_a_second_one(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    open_login(person, server)
    first = logged_in_as(person, server)
    name = nobodys("second")
    server.add_user(name, "correct horse battery").close()
    other = FederatedPerson(provider)
    other.username, other.password = name, "correct horse battery"
    Person.log_in(other, other.open(f"{server.origin}/login"))
    page = other.open(provider.approve(other.leave(other.open(f"{server.origin}/account"))))
    assert page.status_code == 403
    assert "connected to another account" in page.text
    open_login(person, server)
    assert logged_in_as(person, server) == first
    other.close()


def test_connecting_needs_a_login_that_is_fresh(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    open_login(person, server)
    page = person.open(f"{server.origin}/account")
    server.clock.advance(601)
    assert person.leave(page) == "../login?to=account"


@pytest.mark.requirement("SEC-16")
def test_connecting_ends_where_another_person_has_logged_in_meanwhile(
    server: AuthorizationServer, provider: FakeProvider, person: FederatedPerson
) -> None:
    open_login(person, server)
    callback = provider.approve(person.leave(person.open(f"{server.origin}/account")))
    name = nobodys("meanwhile")
    server.add_user(name, "correct horse battery").close()
    person.username, person.password = name, "correct horse battery"
    Person.log_in(person, person.open(f"{server.origin}/login"))
    provider.claims["sub"] = "of the first"
    assert person.open(callback).status_code == 400
    assert "Connect Corp" in person.open(f"{server.origin}/account").text
