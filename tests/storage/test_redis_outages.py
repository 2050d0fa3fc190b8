"""Redis that is gone, silent, cut off, read-only or full: calls fail in bounded time, none is sent twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.storage import Store, StoreFullError, StoreUnavailableError, open_store
from shared.storage.redis import ANSWER_TIMEOUT_S, CALL_TIMEOUT_S
from shared.storage.redis_messages import HEARTBEAT_S
from tests.machine import require
from tests.servers import RedisServer, redis_running
from tests.storage.calls import CALLS, CHANNEL, KEY

pytestmark = pytest.mark.anyio

SLACK_S = 3
"""For a machine that is busy with other tests."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own, to be maltreated."""
    require("redis-server")
    with redis_running(tmp_path / "redis") as server:
        yield server


@pytest.fixture
async def store(server: RedisServer, anyio_backend: str) -> AsyncIterator[Store]:
    store = open_store(server.url)
    yield store
    await store.aclose()


async def every_call_fails(store: Store) -> float:
    """Make every call at once; return the seconds until the last has raised `StoreUnavailableError`."""
    begin = time.monotonic()
    outcomes = await asyncio.gather(*(call(store) for call in CALLS.values()), return_exceptions=True)
    seconds = time.monotonic() - begin
    succeeded = [
        name
        for name, outcome in zip(CALLS, outcomes, strict=True)
        if not isinstance(outcome, StoreUnavailableError)
    ]
    assert succeeded == []
    return seconds


async def every_call_works(store: Store) -> None:
    for call in CALLS.values():
        await call(store)


async def test_every_call_fails_at_once_while_redis_is_gone_and_works_once_it_is_back(
    store: Store, server: RedisServer
) -> None:
    await every_call_works(store)
    await asyncio.to_thread(server.kill)
    assert await every_call_fails(store) < SLACK_S
    server.start()
    await every_call_works(store)


async def test_every_call_fails_in_bounded_time_while_redis_is_frozen(
    store: Store, server: RedisServer
) -> None:
    await every_call_works(store)
    with server.frozen():
        assert await every_call_fails(store) < CALL_TIMEOUT_S + SLACK_S
    await every_call_works(store)


async def test_a_new_connection_to_a_frozen_redis_fails_in_bounded_time(server: RedisServer) -> None:
    store = open_store(server.url)
    with server.frozen():
        assert await every_call_fails(store) < CALL_TIMEOUT_S + SLACK_S
    await store.aclose()


async def test_more_calls_than_connections_all_fail_in_bounded_time(
    store: Store, server: RedisServer
) -> None:
    with server.frozen():
        begin = time.monotonic()
        calls = (store.create(f"doorward:{number}", b"", ttl_s=60) for number in range(200))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert time.monotonic() - begin < CALL_TIMEOUT_S + SLACK_S
    assert {type(outcome) for outcome in outcomes} == {StoreUnavailableError}


async def test_a_connection_that_broke_while_idle_is_noticed_before_it_is_used(
    store: Store, server: RedisServer
) -> None:
    for _ in range(5):
        await asyncio.gather(*(store.create(f"doorward:{number}", b"", ttl_s=60) for number in range(10)))
        await asyncio.to_thread(server.command, "CLIENT", "KILL", "TYPE", "normal")
        await every_call_works(store)


async def test_calls_work_after_a_restart_of_redis_that_nobody_was_told_of(
    store: Store, server: RedisServer
) -> None:
    await store.create(KEY, b"value", ttl_s=None)
    await asyncio.to_thread(server.restart)
    assert await store.replace(KEY, b"value", b"new", ttl_s=None)
    assert await store.get(KEY) == b"new"


async def test_a_script_that_redis_has_forgotten_is_sent_again(store: Store, server: RedisServer) -> None:
    await every_call_works(store)
    server.command("SCRIPT", "FLUSH")
    await every_call_works(store)


async def test_a_write_whose_answer_is_lost_fails_and_is_not_sent_again(server: RedisServer) -> None:
    writes: dict[str, Callable[[Store], Awaitable[object]]] = {
        "set": lambda store: store.create(KEY, b"value", ttl_s=None),
        "del": lambda store: store.delete(KEY),
        "publish": lambda store: store.publish(CHANNEL, b"message"),
    }
    for command, write in writes.items():
        async with losing_answers_to(command, server) as url:
            store = open_store(url)
            with pytest.raises(StoreUnavailableError):
                await write(store)
            await store.aclose()
        statistics = server.command("INFO", "commandstats")
        assert isinstance(statistics, dict)
        assert statistics[f"cmdstat_{command}"]["calls"] == 1


@asynccontextmanager
async def losing_answers_to(command: str, server: RedisServer) -> AsyncIterator[str]:
    """The store's URL of a relay that cuts the connection in place of the answer to `command`."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", server.port)
        while request := await reader.read(65_536):
            upstream_writer.write(request)
            answer = await upstream_reader.read(65_536)
            if f"\r\n{command.upper()}\r\n".encode() in request:
                break
            writer.write(answer)
        for end in (writer, upstream_writer):
            end.close()
            await end.wait_closed()

    listener = await asyncio.start_server(relay, "127.0.0.1", 0)
    async with listener:
        yield f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}"


async def test_no_acknowledged_write_is_lost_when_redis_is_killed(store: Store, server: RedisServer) -> None:
    acknowledged: list[str] = []
    enough = asyncio.Event()

    async def write_on(name: str) -> None:
        for number in range(10_000):
            key = f"doorward:{name}:{number}"
            await store.create(key, key.encode(), ttl_s=None)
            acknowledged.append(key)
            if len(acknowledged) == 200:
                enough.set()

    writers = [asyncio.ensure_future(write_on(f"writer-{number}")) for number in range(8)]
    await enough.wait()
    server.kill()
    outcomes = await asyncio.gather(*writers, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StoreUnavailableError}
    server.start()
    values = await asyncio.gather(*(store.get(key) for key in acknowledged))
    assert values == [key.encode() for key in acknowledged]


@pytest.mark.parametrize("how", ["killed connection", "killed server"])
async def test_a_subscription_that_was_cut_says_so_forever(
    store: Store, server: RedisServer, how: str
) -> None:
    async with store.subscribe(CHANNEL) as messages:
        waiting = asyncio.ensure_future(anext(messages))
        await store.publish(CHANNEL, b"message")
        assert await waiting == b"message"
        waiting = asyncio.ensure_future(anext(messages))
        await asyncio.sleep(0)
        if how == "killed connection":
            server.command("CLIENT", "KILL", "TYPE", "pubsub")
        else:
            server.restart()
        with pytest.raises(StoreUnavailableError):
            await asyncio.wait_for(waiting, SLACK_S)
        await store.publish(CHANNEL, b"into the gap")
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                await anext(messages)
    async with store.subscribe(CHANNEL) as messages:
        await store.publish(CHANNEL, b"again")
        assert await asyncio.wait_for(anext(messages), SLACK_S) == b"again"


async def test_a_subscription_that_has_fallen_silent_says_so(store: Store, server: RedisServer) -> None:
    async with store.subscribe(CHANNEL) as messages:
        with server.frozen(), pytest.raises(StoreUnavailableError):
            await asyncio.wait_for(anext(messages), 2 * HEARTBEAT_S + ANSWER_TIMEOUT_S + SLACK_S)


async def test_a_replica_refuses_writes_and_fails_the_ping_until_it_is_promoted(
    store: Store, server: RedisServer
) -> None:
    await store.create(KEY, b"value", ttl_s=None)
    server.command("REPLICAOF", "127.0.0.1", "1")
    for name in (
        "create",
        "replace",
        "delete",
        "put_once",
        "index_add",
        "index_add_within",
        "index_remove",
        "ping",
    ):
        with pytest.raises(StoreUnavailableError):
            await CALLS[name](store)
    server.command("REPLICAOF", "NO", "ONE")
    assert await store.get(KEY) == b"value"
    await every_call_works(store)


async def test_a_full_redis_refuses_writes_fails_the_ping_and_keeps_what_it_has(
    store: Store, server: RedisServer
) -> None:
    await store.create(KEY, b"value", ttl_s=None)
    server.command("CONFIG", "SET", "maxmemory", "1")
    for name in ("create", "put_once", "ping", "index_add"):
        with pytest.raises(StoreFullError):
            await CALLS[name](store)
    assert await store.get(KEY) == b"value"
    assert await store.delete(KEY)


@pytest.mark.requirement("BOUND-2")
async def test_a_full_redis_takes_what_ends_something(store: Store, server: RedisServer) -> None:
    await store.create(KEY, b"value", ttl_s=60)
    await store.index_add("index", "member", ttl_s=None)
    server.command("CONFIG", "SET", "maxmemory", "1")
    assert await store.replace(KEY, b"value", b"revoked, and why", ttl_s=60)
    assert await store.replace(KEY, b"revoked, and why", b"revoked", ttl_s=None)
    with pytest.raises(StoreFullError):
        await store.replace(KEY, b"revoked", b"x" * 1_000, ttl_s=None)
    assert await store.get(KEY) == b"revoked"
    await store.index_remove("index", "member")
    assert await store.index_list("index") == []
    async with store.subscribe("channel") as messages:
        await store.publish("channel", b"revoked")
        assert await anext(messages) == b"revoked"
    assert await store.delete(KEY)
