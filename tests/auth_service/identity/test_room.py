"""A flood of registrations crowds out nobody, on both stores and over several processes (AS-7)."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.thread import ThreadPoolExecutor

import anyio
import httpx2
import pytest

from auth_service.identity.clients import Clients
from auth_service.protocol.errors import NoRoomError
from auth_service.protocol.registration_policy import Quota
from auth_service.storage import Store, keys, open_store
from shared.clock import system_clock
from tests.auth_service.service import AuthorizationServer, machine, running
from tests.flow import REDIRECT_URI

pytestmark = pytest.mark.requirement("AS-7", "SEC-13")

METADATA = {"grant_types": ["authorization_code"], "token_endpoint_auth_method": "none"}
BODY = {"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"}
UNUSED = 3
PROCESSES, AT_ONCE = 2, 30


@pytest.fixture
def full(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    """A server with room for six clients, half of them unused, where three have registered."""
    with running(new_store(), max_clients=2 * UNUSED, unused_clients_percent=50) as server:
        assert [register(server).status_code for _ in range(UNUSED)] == [201] * UNUSED
        yield server


def register(server: AuthorizationServer, http: httpx2.Client | None = None) -> httpx2.Response:
    return (http or server.http).post(f"{server.origin}/register", json=BODY)


def listed(server: AuthorizationServer, index: str) -> list[str]:
    return server.with_store(lambda store: store.index_list(index))


def test_one_too_many_is_told_to_come_back(full: AuthorizationServer) -> None:
    response = register(full)
    assert (response.status_code, response.json()["error"]) == (503, "temporarily_unavailable")
    assert "nobody uses" in response.json()["error_description"]
    assert int(response.headers["retry-after"]) > 0


def test_a_flood_changes_nothing_for_clients_in_use(new_store: Callable[[], str]) -> None:
    with running(new_store(), max_clients=6, unused_clients_percent=50) as server:
        in_use = server.register()
        tokens = server.connect(in_use)

        def flood(_: int) -> int:
            with machine() as http:
                return register(server, http).status_code

        with ThreadPoolExecutor(10) as pool:
            assert sorted(pool.map(flood, range(30))) == [201] * UNUSED + [503] * (30 - UNUSED)
        renewed = in_use.refresh(tokens["refresh_token"])
        assert renewed.status_code == 200
        assert server.is_active(renewed.json()["access_token"])
        assert server.connect(in_use)["access_token"]


def test_a_client_that_is_granted_something_makes_room_for_another(new_store: Callable[[], str]) -> None:
    with running(new_store(), max_clients=10, unused_clients_percent=10) as server:
        client = server.register()
        assert register(server).status_code == 503
        server.connect(client)
        assert listed(server, keys.unused_clients()) == []
        assert register(server).status_code == 201
        assert client.client_id in listed(server, keys.clients())


def test_a_client_that_is_deleted_makes_room_too(full: AuthorizationServer) -> None:
    client = listed(full, keys.unused_clients())[0]
    full.with_store(lambda store: Clients(store, full.clock).delete(client))
    assert register(full).status_code == 201
    assert register(full).status_code == 503


def test_clients_in_use_fill_no_more_than_all_of_it_and_stay(new_store: Callable[[], str]) -> None:
    with running(new_store(), max_clients=2, unused_clients_percent=99) as server:
        clients = [server.register() for _ in range(1)]
        server.connect(clients[0])
        clients.append(server.register())
        server.connect(clients[1])
        response = register(server)
        assert response.status_code == 503
        assert "as this server keeps" in response.json()["error_description"]
        assert listed(server, keys.unused_clients()) == [], "a refusal takes no room"
        assert all(server.connect(client)["access_token"] for client in clients)


def test_the_operator_always_finds_room(full: AuthorizationServer) -> None:
    assert full.operator_registers(**METADATA).client_id
    assert len(listed(full, keys.unused_clients())) == UNUSED


def test_when_it_was_last_used_is_noted_once_a_day(new_store: Callable[[], str]) -> None:
    with running(new_store()) as server:
        client = server.register()

        def used_at() -> int | None:
            found = server.with_store(lambda store: Clients(store, server.clock).get(client.client_id))
            assert found is not None
            return found.used_at

        assert used_at() is None
        server.connect(client)
        first = used_at()
        assert first is not None
        server.clock.advance(3_600)
        server.connect(client)
        assert used_at() == first
        server.clock.advance(86_400)
        server.connect(client)
        assert (used_at() or 0) >= first + 86_400


@pytest.mark.anyio
async def test_a_use_that_is_overtaken_by_a_removal_leaves_nothing_listed(store: Store) -> None:
    clients = Clients(store, system_clock)
    made = (await clients.register(METADATA, quota=Quota(9, 9))).client
    await clients.delete(made.client_id)
    assert not await clients.note_use(made.client_id, int(system_clock()) + 60)
    assert await store.index_list(keys.clients()) == []
    assert await store.index_list(keys.unused_clients()) == []


def flood(url: str, rivals: int) -> int:
    """How many of `rivals` registrations at once find room. Run in a process of its own."""

    async def one(clients: Clients) -> bool:
        try:
            await clients.register(METADATA, quota=Quota(2 * UNUSED, UNUSED))
        except NoRoomError:
            return False
        return True

    async def all_at_once() -> int:
        store = open_store(url)
        clients = Clients(store, system_clock)
        try:
            return sum(await asyncio.gather(*(one(clients) for _ in range(rivals))))
        finally:
            await store.aclose()

    return anyio.run(all_at_once)


def test_several_processes_together_let_in_no_more_than_there_is_room_for(
    new_store: Callable[[], str],
) -> None:
    url = new_store()
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as processes:
        let_in = processes.map(flood, [url] * PROCESSES, [AT_ONCE] * PROCESSES)
        assert sum(let_in) == UNUSED
