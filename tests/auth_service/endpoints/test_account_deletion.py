"""The end of an account: by the operator, by an administrator at the console, by the person (ID-7)."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
from structlog.testing import capture_logs

from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.crypto.secrets import digest, new_id
from auth_service.federation.identities import IdentityRepository, Origin
from auth_service.protocol.federated_identity import FederatedIdentity
from auth_service.users.repository import User
from shared.storage.interface import Store
from tests.auth_service.console import AtTheConsole
from tests.auth_service.service import AuthorizationServer, nobodys
from tests.cookies import cookie_name
from tests.flow import Person, Pkce, forms_of

pytestmark = pytest.mark.requirement("ID-7", "ID-10")

PASSWORD = "a password"


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("leaver"), PASSWORD)
    yield person
    person.close()


@pytest.fixture
def administrator(server: AuthorizationServer) -> Iterator[AtTheConsole]:
    person = Person(trust_env=False)
    yield AtTheConsole(server, person)
    person.close()


def open_page(server: AuthorizationServer, person: Person) -> httpx2.Response:
    return person.log_in(person.open(f"{server.origin}/delete-account"))


def user_of(server: AuthorizationServer, username: str) -> User | None:
    async def find(store: Store) -> User | None:
        return await AccountLifecycle.of_store(store, server.clock).users.get(username)

    return server.with_store(find)


def test_everything_ends_with_the_account(server: AuthorizationServer, person: Person) -> None:
    client, pkce = server.register(), Pkce()
    tokens = client.connect(person)
    waiting = person.authorize(client.authorization_url(pkce))["code"]
    server.delete_user(person.username)
    assert not server.is_active(tokens["access_token"])
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert client.redeem(waiting, pkce).json()["error"] == "invalid_grant"
    assert person.open(f"{server.origin}/account").url.path == "/login"
    again = person.log_in(person.open(f"{server.origin}/login"))
    assert "The username or the password is wrong." in again.text


def test_a_later_account_with_the_same_name_is_another_person(
    server: AuthorizationServer, person: Person
) -> None:
    client = server.register()
    before = server.introspect(client.connect(person)["access_token"])
    server.delete_user(person.username)
    successor = server.add_user(person.username, "another password")
    after = server.introspect(client.connect(successor)["access_token"])
    assert before["username"] == after["username"]
    assert before["sub"] != after["sub"]
    successor.close()


def test_connected_identities_and_the_address_are_free_again(
    server: AuthorizationServer, person: Person
) -> None:
    identity = FederatedIdentity(issuer="https://idp.example", subject=new_id())
    address = f"{new_id()}@example.com"

    async def connect(store: Store) -> None:
        users = AccountLifecycle.of_store(store, server.clock).users
        user = await users.set_email(await users.named(person.username), address)
        await IdentityRepository(store, server.clock).connect(
            identity, "idp", user.subject, origin=Origin.OWNER
        )

    async def left(store: Store) -> tuple[object, object]:
        stored_identity = await IdentityRepository(store, server.clock).get(identity.issuer, identity.subject)
        owner = await AccountLifecycle.of_store(store, server.clock).users.by_email(address)
        return stored_identity, owner

    server.with_store(connect)
    server.delete_user(person.username)
    assert server.with_store(left) == (None, None)


def test_a_person_deletes_the_own_account_and_is_told_so_twice(
    server: AuthorizationServer, person: Person
) -> None:
    tokens = server.register().connect(person)
    page = person.open(f"{server.origin}/delete-account")
    with capture_logs() as lines:
        answers = [person.submit(page, {"password": PASSWORD}) for _ in range(2)]
    assert ["Account deleted" in answer.text for answer in answers] == [True, True]
    assert [line["event"] for line in lines].count("account deleted") == 1
    assert not any(PASSWORD in str(line) for line in lines)
    assert not server.is_active(tokens["access_token"])
    assert user_of(server, person.username) is None


def test_another_browser_is_not_told_of_it(server: AuthorizationServer, person: Person) -> None:
    done = person.submit(open_page(server, person), {"password": PASSWORD})
    other = Person(trust_env=False)
    assert "Account deleted" not in other.open(str(done.url)).text
    other.close()


def test_a_link_of_somebody_else_fakes_no_deletion_for_a_new_visitor(server: AuthorizationServer) -> None:
    visitor = Person(trust_env=False)
    page = visitor.open(f"{server.origin}/delete-account?deleted={digest('account deleted None')}")
    assert "Account deleted" not in page.text
    visitor.close()


@pytest.mark.parametrize("password", ["wrong", "", "another password"])
def test_without_the_password_nothing_ends(
    server: AuthorizationServer, person: Person, password: str
) -> None:
    response = person.submit(open_page(server, person), {"password": password})
    assert (response.status_code, "The current password is wrong." in response.text) == (401, True)
    assert user_of(server, person.username) is not None


def test_a_form_of_another_browser_deletes_nothing(server: AuthorizationServer, person: Person) -> None:
    open_page(server, person)
    name = cookie_name(server.issuer, "session")
    foreign = httpx2.post(
        f"{server.origin}/delete-account",
        data={"csrf": "x", "password": PASSWORD},
        cookies={name: person.browser.cookies[name]},
        trust_env=False,
    )
    assert foreign.status_code in (303, 400)
    assert user_of(server, person.username) is not None


def test_an_administrator_cannot_delete_the_own_account(server: AuthorizationServer) -> None:
    administrator = Person(trust_env=False)
    page = open_page(server, administrator)
    assert "Another administrator can delete your account" in page.text
    assert forms_of(page.text) == []
    administrator.close()


def test_the_console_asks_before_it_deletes(
    server: AuthorizationServer, administrator: AtTheConsole, person: Person
) -> None:
    tokens = server.register().connect(person)
    confirm = administrator.open(f"person?name={person.username}&confirm=delete")
    assert "It cannot be undone" in confirm.text
    assert server.is_active(tokens["access_token"])
    answers = [administrator.press(confirm, "delete") for _ in range(2)]
    assert [answer.url.path for answer in answers] == ["/admin/people", "/admin/people"]
    assert not server.is_active(tokens["access_token"])
    assert user_of(server, person.username) is None


def test_the_console_does_not_delete_who_is_at_it(
    server: AuthorizationServer, administrator: AtTheConsole
) -> None:
    page = administrator.open("person?name=wesen&confirm=delete")
    assert "Delete the account" not in page.text
    csrf = administrator.form(administrator.open("invitations"), "make").fields["csrf"]
    response = administrator.post(
        "person", {"csrf": csrf, "subject": server.subject_of("wesen"), "action": "delete"}
    )
    assert response.status_code == 400
    assert user_of(server, "wesen") is not None


@pytest.mark.requirement("SEC-16")
def test_a_page_of_the_console_does_nothing_to_the_next_owner_of_the_username(
    server: AuthorizationServer, administrator: AtTheConsole, person: Person
) -> None:
    page = administrator.open(f"person?name={person.username}&confirm=delete")
    server.delete_user(person.username)
    successor = server.add_user(person.username, PASSWORD)
    assert administrator.press(page, "delete").status_code == 404
    assert user_of(server, person.username) is not None
    successor.close()
