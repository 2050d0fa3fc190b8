"""The warning of a client with nearly the same name as another that people use here (ID-9)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from auth_service.clients.repository import ClientRepository
from auth_service.protocol.look_alikes import skeleton
from auth_service.protocol.used_names import MAX_CLIENTS
from auth_service.storage import keys
from tests.auth_service.service import AuthorizationServer, nobodys
from tests.flow import Client, Person, Pkce

pytestmark = pytest.mark.requirement("ID-9")

WARNING = "Another application with a nearly identical name is connected here."
GOOD, EVIL = "https://good.example/cb", "https://evil.example/cb"


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("user"), "password")
    yield person
    person.close()


@pytest.fixture
def name() -> str:
    """A name that no other test has, with letters that have doubles."""
    return f"Acme {secrets.token_hex(6)}"


def warned(server: AuthorizationServer, person: Person, client: Client, uri: str = EVIL) -> bool:
    page = person.open(client.authorization_url(Pkce(), prompt="consent", redirect_uri=uri))
    page = person.log_in(page) if page.url.path == "/login" else page
    assert "asks for access" in page.text
    return WARNING in page.text


def allow(client: Client, person: Person, uri: str = GOOD) -> None:
    person.authorize(client.authorization_url(Pkce(), prompt="consent", redirect_uri=uri))


def delete_client(server: AuthorizationServer, client: Client) -> None:
    assert server.with_store(lambda store: ClientRepository(store, server.clock).delete(client.client_id))


def register(server: AuthorizationServer, name: str, *uris: str) -> Client:
    return server.register(client_name=name, redirect_uris=list(uris))


def test_a_name_that_looks_the_same_elsewhere_is_warned_of(
    server: AuthorizationServer, person: Person, name: str
) -> None:
    good = register(server, name, GOOD)
    copies = [
        register(server, copy, EVIL)
        for copy in (name, name.upper(), name.replace(" ", "-"), name.replace("c", "\u0441"), f" {name} ")
    ]
    assert not any(warned(server, person, copy) for copy in copies), "nobody uses the other one"
    allow(good, person)
    assert all(warned(server, person, copy) for copy in copies)
    assert not warned(server, person, register(server, f"{name} 2", EVIL))


def test_another_registration_of_the_same_program_is_not(
    server: AuthorizationServer, person: Person, name: str
) -> None:
    for _ in range(3):
        client = register(server, name, GOOD)
        assert not warned(server, person, client, GOOD)
        allow(client, person)


def test_a_copy_that_also_names_a_place_of_the_original_is(
    server: AuthorizationServer, person: Person, name: str
) -> None:
    allow(register(server, name, GOOD), person)
    assert warned(server, person, register(server, name, GOOD, EVIL))


def test_a_program_is_not_compared_with_one_that_fewer_people_use(
    server: AuthorizationServer, person: Person, name: str
) -> None:
    good, evil = register(server, name, GOOD), register(server, name, EVIL)
    others = [server.add_user(nobodys("user"), "password") for _ in range(2)]
    allow(evil, person, EVIL)
    assert warned(server, others[0], good, GOOD)
    for other in others:
        allow(good, other)
        other.close()
    assert not warned(server, person, good, GOOD)
    assert warned(server, person, evil)


def test_the_list_is_bounded_and_ends_with_the_client(
    server: AuthorizationServer, person: Person, name: str
) -> None:
    clients = [register(server, name, f"https://e{number}.example/cb") for number in range(MAX_CLIENTS + 2)]
    for number, client in enumerate(clients):
        allow(client, person, f"https://e{number}.example/cb")

    def listed() -> list[str]:
        index = keys.used_names(skeleton(name))
        return server.with_store(lambda store: store.index_list(index))

    assert len(listed()) == MAX_CLIENTS
    for client in clients:
        delete_client(server, client)
    assert listed() == []
    assert not warned(server, person, register(server, name, EVIL))


def test_a_client_that_has_taken_another_name_is_not_meant(
    server: AuthorizationServer, person: Person, name: str
) -> None:
    good = register(server, name, GOOD)
    allow(good, person)
    information = good.information
    answer = server.http.put(
        information["registration_client_uri"],
        json={"client_id": good.client_id, "client_name": f"Other {name}", "redirect_uris": [GOOD]},
        headers={"Authorization": f"Bearer {information['registration_access_token']}"},
    )
    assert answer.status_code == 200, answer.text
    assert not warned(server, person, register(server, name, EVIL))
