"""Publish and subscribe, on every backend."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ProcessPoolExecutor

import pytest
from redis.asyncio.connection import AbstractConnection

from shared.storage import Store, StoreUnavailableError, open_store, redis_messages
from tests.storage import contenders
from tests.storage.calls import CHANNEL

pytestmark = pytest.mark.anyio

SOON_S = 5


async def next_of(messages: AsyncIterator[bytes]) -> bytes:
    return await asyncio.wait_for(anext(messages), SOON_S)


async def test_a_subscriber_gets_what_is_published_from_then_on_in_order(store: Store) -> None:
    await store.publish(CHANNEL, b"too early")
    async with store.subscribe(CHANNEL) as messages:
        for message in (b"one", b"", b"\x00\xff"):
            await store.publish(CHANNEL, message)
        assert [await next_of(messages) for _ in range(3)] == [b"one", b"", b"\x00\xff"]


async def test_every_subscriber_of_the_channel_and_no_other_gets_a_message(store: Store) -> None:
    async with (
        store.subscribe(CHANNEL) as first,
        store.subscribe(CHANNEL) as second,
        store.subscribe(f"{CHANNEL}:other") as other,
    ):
        await store.publish(CHANNEL, b"here")
        await store.publish(f"{CHANNEL}:other", b"there")
        assert [await next_of(messages) for messages in (first, second, other)] == [
            b"here",
            b"here",
            b"there",
        ]


async def test_what_another_process_publishes_arrives_in_order(store: Store, store_url: str) -> None:
    sent = [str(number).encode() for number in range(100)]
    context = multiprocessing.get_context("spawn")
    async with store.subscribe(CHANNEL) as messages:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            publishing = asyncio.get_running_loop().run_in_executor(
                pool, contenders.publish, store_url, CHANNEL, sent
            )
            await publishing
        assert [await next_of(messages) for _ in sent] == sent


async def test_every_subscriber_gets_the_messages_of_several_publishers_in_the_same_order(
    store: Store, store_url: str
) -> None:
    """However it is reached: who follows one subscriber can go on with another."""
    other = open_store(store_url)
    try:
        async with store.subscribe(CHANNEL) as first, other.subscribe(CHANNEL) as second:
            for number in range(50):
                await asyncio.gather(*(each.publish(CHANNEL, b"%d" % number) for each in (store, other)))
            received = [[await next_of(messages) for _ in range(100)] for messages in (first, second)]
            assert received[0] == received[1]
    finally:
        await other.aclose()


async def test_publishing_without_subscribers_succeeds(store: Store) -> None:
    await store.publish(CHANNEL, b"message")


async def test_a_subscriber_that_waits_is_woken(store: Store) -> None:
    async with store.subscribe(CHANNEL) as messages:
        waiting = asyncio.ensure_future(next_of(messages))
        await asyncio.sleep(0)
        await store.publish(CHANNEL, b"message")
        assert await waiting == b"message"


async def test_a_subscription_stays_alive_through_silence(store: Store) -> None:
    async with store.subscribe(CHANNEL) as messages:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(messages), 1.5)
        await store.publish(CHANNEL, b"message")
        assert await next_of(messages) == b"message"


@pytest.mark.parametrize("store_url", ["redis_server"], indirect=True)
async def test_a_subscription_is_cancelled_at_the_end_of_a_command(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At that moment redis-py loses the cancellation (`asyncio.wait_for` of Python 3.11)."""
    monkeypatch.setattr(redis_messages, "HEARTBEAT_S", 0.1)
    sends, begun = AbstractConnection._send_packed_command, asyncio.Event()  # noqa: SLF001

    async def cancelled_then(connection: AbstractConnection, command: Iterable[bytes]) -> None:
        await sends(connection, command)
        following.cancel()

    async def follow() -> None:
        async with store.subscribe(CHANNEL) as messages:
            begun.set()
            async for _ in messages:
                pass

    following = asyncio.create_task(follow())
    await begun.wait()
    monkeypatch.setattr(AbstractConnection, "_send_packed_command", cancelled_then)
    ended, _ = await asyncio.wait([following], timeout=SOON_S)
    monkeypatch.undo()
    following.cancel()
    assert ended
    assert following.cancelled()


async def test_subscriptions_can_be_opened_and_closed_without_end(store: Store) -> None:
    for _ in range(100):
        async with store.subscribe(CHANNEL):
            pass
    async with store.subscribe(CHANNEL) as messages:
        await store.publish(CHANNEL, b"message")
        assert await next_of(messages) == b"message"


async def test_closing_the_store_ends_its_subscriptions(store: Store) -> None:
    async with store.subscribe(CHANNEL) as messages:
        waiting = asyncio.ensure_future(next_of(messages))
        await asyncio.sleep(0)
        await store.aclose()
        with pytest.raises(StoreUnavailableError):
            await waiting
        with pytest.raises(StoreUnavailableError):
            await next_of(messages)


async def test_closing_the_store_ends_a_subscription_that_nobody_is_reading(store: Store) -> None:
    async with store.subscribe(CHANNEL) as messages:
        await store.aclose()
        with pytest.raises(StoreUnavailableError):
            await next_of(messages)
