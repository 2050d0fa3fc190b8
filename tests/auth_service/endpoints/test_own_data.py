"""The data of a person as a download (ID-7)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from auth_service.crypto.secrets import digest
from auth_service.federation.identities import IdentityRepository, Origin
from auth_service.protocol.federated_identity import FederatedIdentity
from auth_service.users.repository import User
from shared.storage.interface import Store
from tests.auth_service.service import AuthorizationServer, nobodys
from tests.cookies import cookie_name
from tests.flow import Person

pytestmark = pytest.mark.requirement("ID-7", "SEC-16")


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("ada"), "correct horse battery", "Ada Lovelace")
    yield person
    person.close()


def test_everything_is_in_it_and_nothing_of_others(server: AuthorizationServer, person: Person) -> None:
    client = server.register(client_name="Of Ada")
    client.connect(person, scope="notes:read")
    server.connect()

    async def connect(store: Store) -> None:
        identity = FederatedIdentity(issuer="https://idp.example", subject="1", names=("ada@corp",))
        await IdentityRepository(store, server.clock).connect(
            identity, "corp", server_subject, origin=Origin.OWNER
        )

    server_subject = server.subject_of(person.username)
    server.with_store(connect)
    response = person.open(f"{server.origin}/own-data")
    assert response.headers["content-disposition"].startswith("attachment")
    assert response.headers["cache-control"] == "no-store"
    data = response.json()
    assert (data["account"]["username"], data["account"]["name"]) == (person.username, "Ada Lovelace")
    assert len(data["sessions"]) == 1
    assert [(each["client_name"], each["scopes"]) for each in data["connections"]] == [
        ("Of Ada", ["notes:read"])
    ]
    assert [each["client_id"] for each in data["consents"]] == [client.client_id]
    assert [(each["provider"], each["name"]) for each in data["identities"]] == [("corp", "ada@corp")]


def test_nothing_in_it_authenticates_anybody(server: AuthorizationServer, person: Person) -> None:
    tokens = server.register().connect(person)
    text = person.open(f"{server.origin}/own-data").text
    session = person.browser.cookies[cookie_name(server.issuer, "session")]

    async def find(_: object, user: User) -> User:
        return user

    user = server.with_account(person.username, find)
    secrets = [session, digest(session), tokens["access_token"], tokens["refresh_token"], user.password_hash]
    assert [secret for secret in secrets if secret in text] == []
    assert json.loads(text)["account"]["has_password"] is True


def test_without_a_login_there_is_nothing(server: AuthorizationServer) -> None:
    stranger = Person(trust_env=False)
    assert stranger.open(f"{server.origin}/own-data").url.path == "/login"
    stranger.close()
