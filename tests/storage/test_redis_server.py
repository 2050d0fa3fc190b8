"""Redis only: connections, authentication, limits, and wrong server settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from shared.storage import Store, StoreUnavailableError, open_store
from shared.storage.redis import MAX_COMMANDS, MAX_SUBSCRIPTIONS
from tests.machine import require
from tests.servers import RedisServer, redis_running, wait_until
from tests.storage.calls import CALLS, CHANNEL, KEY

pytestmark = pytest.mark.anyio

PASSWORD = "p@ss:w/rd?#&+% ü"
ENCODED = "p%40ss%3Aw%2Frd%3F%23%26+%25%20%C3%BC"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    require("redis-server")
    with redis_running(tmp_path / "redis") as server:
        yield server


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = open_store(url)
    try:
        yield store
    finally:
        await store.aclose()


async def test_a_password_may_hold_any_character(server: RedisServer) -> None:
    server.command("ACL", "SETUSER", "door:ward", "on", f">{PASSWORD}", "~doorward:*", "&doorward:*", "+@all")
    async with opened(f"redis://door%3Award:{ENCODED}@127.0.0.1:{server.port}") as store:
        for call in CALLS.values():
            await call(store)


async def test_a_wrong_password_makes_the_store_unavailable_and_is_not_repeated(server: RedisServer) -> None:
    server.command("ACL", "SETUSER", "doorward", "on", ">right", "~*", "&*", "+@all")
    async with opened(f"redis://doorward:wr0ng@127.0.0.1:{server.port}") as store:
        with pytest.raises(StoreUnavailableError, match="Authentication") as refused:
            await store.get(KEY)
        assert "wr0ng" not in str(refused.value)


async def test_a_user_limited_to_our_keys_and_to_what_we_use_can_do_everything(server: RedisServer) -> None:
    commands = ("+@read", "+@write", "+@scripting", "+@pubsub", "+@connection", "+time", "+info")
    server.command("ACL", "SETUSER", "least", "on", ">secret", "~doorward:*", "&doorward:*", *commands)
    async with opened(f"redis://least:secret@127.0.0.1:{server.port}") as store:
        for call in CALLS.values():
            await call(store)
        assert await store.misconfigurations() == []


async def test_databases_of_one_server_are_stores_apart(server: RedisServer) -> None:
    async with opened(server.url) as first, opened(f"{server.url}/1") as second:
        await first.create(KEY, b"first", ttl_s=None)
        assert await second.get(KEY) is None
        async with first.subscribe(CHANNEL) as in_first, second.subscribe(CHANNEL) as in_second:
            await first.publish(CHANNEL, b"to first")
            await second.publish(CHANNEL, b"to second")
            assert await asyncio.wait_for(anext(in_first), 5) == b"to first"
            assert await asyncio.wait_for(anext(in_second), 5) == b"to second"


async def test_connections_stay_few_however_many_calls_there_are(server: RedisServer) -> None:
    async with opened(server.url) as store:
        writes = (store.create(f"doorward:{number}", b"", ttl_s=60) for number in range(1_000))
        assert all(await asyncio.gather(*writes))
        clients = server.command("CLIENT LIST")
        assert isinstance(clients, list)
        assert len(clients) <= MAX_COMMANDS + 1


async def test_subscriptions_are_bounded_and_take_no_connection_from_calls(server: RedisServer) -> None:
    async with opened(server.url) as store, AsyncExitStack() as stack:
        for _ in range(MAX_SUBSCRIPTIONS):
            await stack.enter_async_context(store.subscribe(CHANNEL))
        with pytest.raises(StoreUnavailableError, match="subscriptions"):
            await stack.enter_async_context(store.subscribe(CHANNEL))
        writes = (store.create(f"doorward:{number}", b"", ttl_s=60) for number in range(2 * MAX_COMMANDS))
        assert all(await asyncio.gather(*writes))
        await stack.aclose()
        async with store.subscribe(CHANNEL):
            pass


async def test_nothing_is_connected_before_the_first_call(server: RedisServer) -> None:
    server.kill()
    async with opened(server.url) as store:
        server.start()
        assert await store.get(KEY) is None


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"}, "allkeys-lru lets Redis drop grants"),
        ({"appendfsync": "everysec"}, "everysec lets a crash of Redis lose"),
        ({"appendonly": "no"}, "appendonly is off"),
    ],
)
async def test_a_setting_that_breaks_a_promise_is_named(
    server: RedisServer, settings: dict[str, str], complaint: str
) -> None:
    for name, value in settings.items():
        server.command("CONFIG", "SET", name, value)
    async with opened(server.url) as store:
        (sentence,) = await store.misconfigurations()
        assert complaint in sentence


async def test_expired_members_leave_the_server_when_the_index_is_next_added_to(server: RedisServer) -> None:
    async with opened(server.url) as store:
        await store.index_add(KEY, "short", ttl_s=1)
        await store.index_add(KEY, "long", ttl_s=600)
        wait_until(lambda: server.command("ZCOUNT", KEY, "-inf", str(_server_ms(server))) == 1)
        await store.index_add(KEY, "other", ttl_s=60)
        assert server.command("ZRANGE", KEY, "0", "-1") == [b"other", b"long"]


async def test_an_index_lives_as_long_as_its_longest_member(server: RedisServer) -> None:
    async with opened(server.url) as store:
        await store.index_add(KEY, "short", ttl_s=10)
        await store.index_add(KEY, "long", ttl_s=1_000)
        await store.index_add(KEY, "short", ttl_s=20)
        assert server.command("TTL", KEY) in range(990, 1_001)
        await store.index_add(KEY, "endless", ttl_s=None)
        assert server.command("TTL", KEY) == -1
        await store.index_remove(KEY, "endless")
        assert server.command("TTL", KEY) in range(980, 1_001)
        await store.index_remove(KEY, "long")
        await store.index_remove(KEY, "short")
        assert server.command("EXISTS", KEY) == 0


def _server_ms(server: RedisServer) -> int:
    now = server.command("TIME")
    assert isinstance(now, tuple)
    return int(now[0]) * 1_000
