"""A store that is full: nothing new is kept, and everything can be ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from auth_service.storage import keys
from shared.storage import Store
from shared.storage.interface import StoreFullError
from tests.auth_service.access.joined import JOINED, SERVERS
from tests.auth_service.asserting import AssertingClient
from tests.auth_service.console import AtTheConsole
from tests.auth_service.full import Full, FullSqlite, full_redis
from tests.auth_service.receiver import Receiver
from tests.auth_service.service import AuthorizationServer, running
from tests.cli.command import doorward
from tests.flow import Client, Person
from tests.machine import require

pytestmark = pytest.mark.requirement("BOUND-2", "AS-16")


@dataclass
class Crowded:
    """A server, and the store that a test fills up."""

    server: AuthorizationServer
    store: Full
    directory: Path

    def filled(self) -> None:
        """Fill the store, and see that nothing more can be kept."""
        self.store.fill()
        refused = self.server.http.post(
            f"{self.server.origin}/register", json={"redirect_uris": ["https://app.example/callback"]}
        )
        assert refused.status_code == 503
        self.server.failures.clear()


@contextmanager
def crowded_on(store: str, directory: Path, **settings: Any) -> Iterator[Crowded]:
    """A server on a store that can be filled, for the length of the context."""
    if store == "redis":
        require("redis-server")
        with (
            full_redis(directory / "redis") as full,
            running(full.url, around=full.around, **settings) as server,
        ):
            yield Crowded(server, full, directory)
    else:
        file = FullSqlite(directory / "doorward.db")
        with running(file.url, around=file.around, **settings) as server:
            yield Crowded(server, file, directory)


@pytest.fixture(params=["sqlite", "redis"])
def crowded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Crowded]:
    with crowded_on(request.param, tmp_path) as crowded:
        yield crowded


@pytest.fixture
def person(crowded: Crowded) -> Iterator[Person]:
    person = crowded.server.add_user("ada", "password of ada")
    yield person
    person.close()


TokenReader = dict[str, Any]


def by_the_client(
    crowded: Crowded, person: Person, client: Client, tokens: TokenReader
) -> Callable[[], None]:
    return lambda: _assert_ok(client.revoke(tokens["refresh_token"]).status_code)


def at_the_account_page(
    crowded: Crowded, person: Person, client: Client, tokens: TokenReader
) -> Callable[[], None]:
    grant_id = crowded.server.introspect(tokens["access_token"])["grant_id"]
    page = person.open_disconnect(crowded.server.origin, grant_id)
    return lambda: _assert_ok(person.submit(page, {"grant_id": grant_id, "action": "disconnect"}).status_code)


def at_the_console(
    crowded: Crowded, person: Person, client: Client, tokens: TokenReader
) -> Callable[[], None]:
    console = AtTheConsole(crowded.server, Person(trust_env=False))

    def disable() -> None:
        page = console.open("person?name=ada")
        _assert_ok(console.press(page, "disable").status_code)
        console.person.close()

    return disable


def by_the_command(
    crowded: Crowded, person: Person, client: Client, tokens: TokenReader
) -> Callable[[], None]:
    def disable() -> None:
        done = doorward("users", "disable", "ada", cwd=crowded.directory, DOORWARD_STORE=crowded.store.url)
        assert done.returncode == 0, done.stderr

    return disable


def by_removing_the_client(
    crowded: Crowded, person: Person, client: Client, tokens: TokenReader
) -> Callable[[], None]:
    def remove() -> None:
        done = doorward(
            "clients",
            "remove",
            client.client_id,
            "--yes",
            cwd=crowded.directory,
            DOORWARD_STORE=crowded.store.url,
        )
        assert done.returncode == 0, done.stderr

    return remove


def _assert_ok(status: int) -> None:
    assert status == 200


@pytest.mark.parametrize(
    "way", [by_the_client, at_the_account_page, at_the_console, by_the_command, by_removing_the_client]
)
def test_a_grant_can_be_ended_while_the_store_is_full(
    crowded: Crowded,
    person: Person,
    way: Callable[[Crowded, Person, Client, TokenReader], Callable[[], None]],
) -> None:
    server, client = crowded.server, crowded.server.register()
    tokens = client.connect(person)
    grant_id = server.introspect(tokens["access_token"])["grant_id"]
    end = way(crowded, person, client, tokens)
    receiver = Receiver(server.origin, server.issuer)
    receiver.begin()
    crowded.filled()
    end()
    assert receiver.reason_for(grant_id)
    receiver.close()
    assert not server.is_active(tokens["access_token"])
    assert client.refresh(tokens["refresh_token"]).json()["error"] in ("invalid_grant", "invalid_client")
    assert server.failures == []


def test_a_client_that_signs_can_revoke_while_the_store_is_full_but_no_assertion_counts_twice(
    crowded: Crowded, person: Person
) -> None:
    client = AssertingClient.registered(crowded.server)
    tokens = client.connect(person)
    crowded.filled()
    assertion = client.assertion()
    assert client.present("revoke", assertion, token=tokens["refresh_token"]).status_code == 200
    assert not crowded.server.is_active(tokens["access_token"])
    again = client.present("revoke", assertion, token=tokens["refresh_token"])
    assert again.json()["error"] == "invalid_client"


def test_a_refresh_token_that_is_used_again_ends_its_grant_while_the_store_is_full(
    crowded: Crowded, person: Person
) -> None:
    server, client = crowded.server, crowded.server.register()
    first = client.connect(person)
    second = client.refresh(first["refresh_token"]).json()
    third = client.refresh(second["refresh_token"]).json()
    crowded.filled()
    assert client.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert not server.is_active(third["access_token"])


@pytest.mark.requirement("GW-3")
@pytest.mark.parametrize("store", ["sqlite", "redis"])
def test_a_mount_can_be_disconnected_while_the_store_is_full(store: str, tmp_path: Path) -> None:
    with crowded_on(store, tmp_path, resource_servers=SERVERS) as crowded:
        server, client = crowded.server, crowded.server.register(redirect_uris=["https://client.example/cb"])
        person = server.add_user("ada", "password of ada")
        tokens = client.connect(person, resource=JOINED, scope="notes notes:read files offline_access")
        grant_id = server.introspect(tokens["access_token"])["grant_id"]
        query = f"action=disconnect_mount&grant_id={grant_id}&mount="
        pages = [person.open(f"{server.origin}/account?{query}{mount}") for mount in ("notes", "files")]
        crowded.filled()
        assert "no longer has access to that part" in person.submit(pages[0], {}).text
        assert server.introspect(tokens["access_token"])["scope"] == "files offline_access"
        person.submit(pages[0], {})
        assert server.introspect(tokens["access_token"])["scope"] == "files offline_access", "pressed twice"
        person.submit(pages[1], {})
        assert not server.is_active(tokens["access_token"])
        assert server.failures == []
        person.close()


@pytest.mark.requirement("GW-3")
def test_a_mount_that_cannot_be_disconnected_is_an_error_and_stays_in_the_list(tmp_path: Path) -> None:
    """A store that refuses even what needs no room."""
    refused_ids: list[str] = []

    def around(store: Store) -> Store:
        replace = store.replace

        async def refused(key: str, old: bytes, new: bytes, *, ttl_s: int | None) -> bool:
            if refused_ids and key == keys.grant(refused_ids[0]):
                raise StoreFullError("no room at all")
            return await replace(key, old, new, ttl_s=ttl_s)

        store.replace = refused  # type: ignore[method-assign]
        return store

    url = f"sqlite:///{tmp_path}/doorward.db"
    with running(url, around=around, resource_servers=SERVERS) as server:
        person = server.add_user("ada", "password of ada")
        client = server.register()
        tokens = client.connect(person, resource=JOINED, scope="notes files")
        grant_id = server.introspect(tokens["access_token"])["grant_id"]
        query = f"action=disconnect_mount&grant_id={grant_id}&mount=notes"
        page = person.open(f"{server.origin}/account?{query}")
        refused_ids.append(grant_id)
        assert person.submit(page, {}).status_code == 503
        server.failures.clear()
        assert "mount=notes" in person.open(f"{server.origin}/account").text
        assert server.introspect(tokens["access_token"])["scope"] == "notes files"
        refused_ids.clear()
        assert "no longer has access to that part" in person.submit(page, {}).text
        assert server.introspect(tokens["access_token"])["scope"] == "files"
        person.close()
