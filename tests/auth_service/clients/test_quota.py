"""A flood of registrations crowds out nobody, on both stores and over several processes (AS-7)."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.thread import ThreadPoolExecutor
from typing import Any

import anyio
import httpx2
import pytest
from structlog.testing import capture_logs

from auth_service.clients.repository import ClientRepository
from auth_service.protocol.errors import QuotaExceededError
from auth_service.protocol.eviction import UnusedClient
from auth_service.protocol.registration_policy import Quota
from auth_service.storage import keys
from shared.clock import system_clock
from shared.storage import Store, open_store
from shared.storage.interface import StoreUnavailableError
from tests.auth_service.service import AuthorizationServer, machine, running
from tests.flow import REDIRECT_URI, Pkce
from tests.servers import wait_until

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


def register(
    server: AuthorizationServer, http: httpx2.Client | None = None, address: str | None = None
) -> httpx2.Response:
    """Register, through a trusted proxy as if from `address` where one is given."""
    headers = {"X-Forwarded-For": address} if address else {}
    return (http or server.http).post(f"{server.origin}/register", json=BODY, headers=headers)


def register_in_turn(server: AuthorizationServer, count: int, address: str) -> list[str]:
    """Register one a second, which is how well the age of a registration is known."""
    client_ids = []
    for _ in range(count):
        client_ids.append(register(server, address=address).json()["client_id"])
        server.clock.advance(1)
    return client_ids


def listed(server: AuthorizationServer, index: str) -> list[str]:
    return server.with_store(lambda store: store.index_list(index))


def test_one_too_many_is_told_to_come_back(full: AuthorizationServer) -> None:
    response = register(full)
    assert (response.status_code, response.json()["error"]) == (503, "temporarily_unavailable")
    assert response.json()["reason_code"] == "unused_client_quota_exceeded"
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


@pytest.mark.anyio
async def test_a_registration_without_room_among_the_unused_is_on_no_list(store: Store) -> None:
    clients = ClientRepository(store, system_clock)
    quota = Quota(clients=5, unused=1)
    first = (await clients.register(METADATA, quota=quota)).client
    await clients.unused.note_pending(first)  # so that it is not removed to make room
    with pytest.raises(QuotaExceededError, match="unused"):
        await clients.register(METADATA, quota=quota)
    assert await store.index_list(keys.clients()) == [first.client_id]
    assert len(await store.index_list(keys.unused_clients())) == 1


@pytest.mark.anyio
async def test_a_registration_is_recorded_only_if_there_is_room_for_it(store: Store) -> None:
    clients, recorded = ClientRepository(store, system_clock), list[str]()

    async def record(client_id: str) -> None:
        recorded.append(client_id)

    quota = Quota(clients=1, unused=1)
    kept = await clients.register(METADATA, quota=quota, network="192.0.2.1/32", record=record)
    await clients.set_disabled(kept.client.client_id, True)  # so that it is not removed to make room
    with pytest.raises(QuotaExceededError):
        await clients.register(METADATA, quota=quota, network="192.0.2.2/32", record=record)
    assert recorded == [kept.client.client_id]


@pytest.mark.anyio
async def test_a_registration_that_is_not_recorded_fails(store: Store) -> None:
    async def fails(_: str) -> None:
        raise StoreUnavailableError

    with pytest.raises(StoreUnavailableError):
        await ClientRepository(store, system_clock).register(METADATA, record=fails)


def test_a_client_that_is_granted_something_makes_room_for_another(new_store: Callable[[], str]) -> None:
    with running(new_store(), max_clients=10, unused_clients_percent=10) as server:
        client = server.register()
        assert register(server).status_code == 503
        server.connect(client)
        assert listed(server, keys.unused_clients()) == []
        assert register(server).status_code == 201
        assert client.client_id in listed(server, keys.clients())


BEHIND_A_PROXY: dict[str, Any] = {"trusted_proxies": ["127.0.0.0/8"], "registrations_per_minute": 1_000}


@pytest.mark.requirement("BOUND-3")
def test_networks_that_use_their_whole_share_do_not_shut_registration_for_another(
    new_store: Callable[[], str],
) -> None:
    with running(new_store(), registrations_per_hour=200, **BEHIND_A_PROXY) as server:
        # The first takes all that is for everybody, the next 49 all that is their own.
        for n in range(50):
            while (response := register(server, address=f"198.51.100.{n}")).status_code == 201:
                pass
            assert response.status_code == 429
            assert "your network" not in response.json()["error_description"]
        assert register(server, address="203.0.113.1").status_code == 201


@pytest.mark.requirement("BOUND-3")
def test_a_network_keeps_a_share_as_large_as_what_it_used_before(new_store: Callable[[], str]) -> None:
    with running(new_store(), registrations_per_hour=5, **BEHIND_A_PROXY) as server:
        for _ in range(3):
            server.connect(server.register())  # a hosted client, on loopback: only the first counts for all
        assert [register(server, address="198.51.100.1").status_code for _ in range(5)] == [201] * 4 + [429]
        assert [register(server).status_code for _ in range(2)] == [201, 429]


@pytest.mark.requirement("BOUND-2", "BOUND-3")
def test_a_full_house_makes_room_by_the_oldest_unused_client_of_the_network_that_holds_most(
    new_store: Callable[[], str],
) -> None:
    with running(new_store(), max_clients=20, unused_clients_percent=50, **BEHIND_A_PROXY) as server:
        crowd = [register(server, address="198.51.100.1").json()["client_id"] for _ in range(8)]
        few = [register(server, address="198.51.100.2").json()["client_id"] for _ in range(2)]
        assert register(server, address="198.51.100.1").status_code == 503, "it holds most itself"
        newcomers = [register(server, address=f"203.0.113.{n}") for n in range(6)]
        assert [response.status_code for response in newcomers] == [201] * 6
        assert len(listed(server, keys.unused_clients())) == 10
        left = {UnusedClient.parse(text).client_id for text in listed(server, keys.unused_clients())}
        assert set(few) <= left
        assert len(left & set(crowd)) == 2
        removed = next(client_id for client_id in crowd if client_id not in left)
        wait_until(
            lambda: server.with_store(lambda s: ClientRepository(s, server.clock).get(removed)) is None
        )


@pytest.mark.requirement("BOUND-3")
def test_a_client_that_a_person_is_deciding_about_is_not_removed_to_make_room(
    new_store: Callable[[], str],
) -> None:
    with running(new_store(), max_clients=6, unused_clients_percent=50, **BEHIND_A_PROXY) as server:
        first = server.register()  # from loopback, as the two after it
        assert [register(server).status_code for _ in range(2)] == [201, 201]
        page = server.person.open(first.authorization_url(Pkce()))
        assert page.status_code == 200
        assert [register(server, address=f"203.0.113.{n}").status_code for n in range(2)] == [201, 201]
        left = {UnusedClient.parse(text).client_id for text in listed(server, keys.unused_clients())}
        assert first.client_id in left


@pytest.mark.requirement("BOUND-3")
def test_a_network_whose_clients_come_to_be_used_may_hold_more(new_store: Callable[[], str]) -> None:
    with running(new_store(), max_clients=12, unused_clients_percent=50, **BEHIND_A_PROXY) as server:
        for _ in range(4):
            server.connect(server.register())  # a hosted client, on loopback
        assert [register(server, address="198.51.100.1").status_code for _ in range(3)] == [201] * 3
        assert [register(server).status_code for _ in range(5)] == [201] * 5
        entries = [UnusedClient.parse(text) for text in listed(server, keys.unused_clients())]
        assert sorted(entry.network for entry in entries) == ["127.0.0.1/32"] * 5 + ["198.51.100.1/32"]


@pytest.mark.requirement("BOUND-2", "BOUND-3")
@pytest.mark.parametrize("unused", [1, 6])
def test_where_all_there_may_be_are_registered_an_unused_client_makes_room_and_no_used_one(
    new_store: Callable[[], str], unused: int
) -> None:
    with running(new_store(), max_clients=10, unused_clients_percent=70, **BEHIND_A_PROXY) as server:
        in_use = {}
        for _ in range(10 - unused):
            client = server.register()
            in_use[client.client_id] = server.connect(client)["access_token"]
        crowd = register_in_turn(server, unused, "198.51.100.1")
        assert len(listed(server, keys.clients())) == 10
        again = register(server, address="198.51.100.1")
        assert (again.status_code, again.json()["reason_code"]) == (503, "client_quota_exceeded")
        newcomer = register(server, address="203.0.113.1")
        assert newcomer.status_code == 201
        left = set(listed(server, keys.clients()))
        assert left == {*in_use, *crowd[1:], newcomer.json()["client_id"]}
        assert all(server.is_active(token) for token in in_use.values())


@pytest.mark.requirement("BOUND-3")
@pytest.mark.parametrize("each", [1, 2])
def test_networks_that_hold_all_there_may_be_do_not_shut_registration_for_another(
    new_store: Callable[[], str], each: int
) -> None:
    networks, used = 50, 3
    most = used + networks * each
    with running(new_store(), max_clients=most, unused_clients_percent=99, **BEHIND_A_PROXY) as server:
        for _ in range(used):
            server.connect(server.register())
        for n in range(networks):
            answers = [register(server, address=f"198.51.100.{n}").status_code for _ in range(each)]
            assert answers == [201] * each
        assert len(listed(server, keys.clients())) == most
        assert register(server, address="203.0.113.1").status_code == 201
        assert len(listed(server, keys.clients())) == most


@pytest.mark.requirement("BOUND-3")
def test_a_network_with_a_decision_about_each_of_its_clients_does_not_shut_registration_for_another(
    new_store: Callable[[], str],
) -> None:
    with running(new_store(), max_clients=6, unused_clients_percent=99, **BEHIND_A_PROXY) as server:
        pending = [server.register() for _ in range(3)]  # from loopback, which holds most
        few = register_in_turn(server, 2, "198.51.100.1")
        for client in pending:
            assert server.person.open(client.authorization_url(Pkce())).status_code == 200
        newcomer = register(server, address="203.0.113.1")
        assert newcomer.status_code == 201
        assert set(listed(server, keys.clients())) == {
            *(client.client_id for client in pending),
            few[1],
            newcomer.json()["client_id"],
        }


@pytest.mark.anyio
@pytest.mark.requirement("BOUND-3")
async def test_nobody_goes_where_that_would_make_no_room(store: Store) -> None:
    """Clients introduced by a document join the list of all without a limit, once they are used."""
    clients, quota = ClientRepository(store, system_clock), Quota(3, 2)
    registered = [(await clients.register(METADATA, quota=quota, network="a")).client for _ in range(2)]
    for n in range(4):
        await clients.register(METADATA, unused_ttl_s=None, network=f"operator {n}")
    with pytest.raises(QuotaExceededError):
        await clients.register(METADATA, quota=quota, network="b")
    for client in registered:
        assert await clients.get(client.client_id) is not None


def test_a_client_that_is_deleted_makes_room_too(full: AuthorizationServer) -> None:
    client = UnusedClient.parse(listed(full, keys.unused_clients())[0]).client_id
    full.with_store(lambda store: ClientRepository(store, full.clock).delete(client))
    assert register(full).status_code == 201
    assert register(full).status_code == 503


def test_clients_in_use_fill_no_more_than_all_of_it_and_stay(new_store: Callable[[], str]) -> None:
    with running(new_store(), max_clients=2, unused_clients_percent=99) as server:
        clients = [server.register() for _ in range(1)]
        server.connect(clients[0])
        clients.append(server.register())
        server.connect(clients[1])
        with capture_logs() as logs:
            response = register(server)
        assert response.status_code == 503
        assert response.json()["reason_code"] == "client_quota_exceeded"
        assert int(response.headers["retry-after"]) > 0
        [line] = [line for line in logs if line["event"] == "refused"]
        assert (line["log_level"], line["reason_code"]) == ("warning", "client_quota_exceeded")
        assert "DOORWARD_MAX_CLIENTS" in line["detail"]
        assert listed(server, keys.unused_clients()) == [], "a refusal takes no room"
        assert all(server.connect(client)["access_token"] for client in clients)


def test_the_operator_always_finds_room(full: AuthorizationServer) -> None:
    assert full.operator_registers(**METADATA).client_id
    assert len(listed(full, keys.unused_clients())) == UNUSED


def test_when_it_was_last_used_is_noted_once_a_day(new_store: Callable[[], str]) -> None:
    with running(new_store()) as server:
        client = server.register()

        def used_at() -> int | None:
            stored = server.with_store(
                lambda store: ClientRepository(store, server.clock).get(client.client_id)
            )
            assert stored is not None
            return stored.used_at

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
    clients = ClientRepository(store, system_clock)
    registered = (await clients.register(METADATA, quota=Quota(9, 9))).client
    await clients.delete(registered.client_id)
    assert not await clients.note_use(registered.client_id, int(system_clock()) + 60)
    assert await store.index_list(keys.clients()) == []
    assert await store.index_list(keys.unused_clients()) == []


def flood(url: str, rivals: int) -> int:
    """How many of `rivals` registrations at once find room. Run in a process of its own."""

    async def one(clients: ClientRepository) -> bool:
        try:
            await clients.register(METADATA, quota=Quota(2 * UNUSED, UNUSED))
        except QuotaExceededError:
            return False
        return True

    async def all_at_once() -> int:
        store = open_store(url)
        clients = ClientRepository(store, system_clock)
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
