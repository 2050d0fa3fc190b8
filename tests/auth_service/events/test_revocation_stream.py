"""The feed of one process when the channel breaks, falls silent or talks nonsense, on both stores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from auth_service.events import revocation_stream as feed_module
from auth_service.events.event_buffer import EventBuffer
from auth_service.events.publisher import RevocationPublisher
from auth_service.events.revocation_stream import RevocationStream
from auth_service.protocol.errors import UnknownPositionError
from auth_service.protocol.grant import revoked
from auth_service.storage import keys
from shared.clock import system_clock
from shared.storage import Store, StoreUnavailableError
from tests.auth_service.protocol.builders import active_grant

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-16", "RS-7")]

SOON_S = 20
ENDED = revoked(active_grant(), "a test ended it")


class Channel:
    """A real store whose subscription a test can break, and whose publications it can count and hold back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.published = 0
        self.deaf = False
        self.refuses = False
        self._breaks: asyncio.Queue[None] = asyncio.Queue()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def publish(self, channel: str, message: bytes) -> None:
        self.published += 1
        await self._store.publish(channel, message)

    def break_off(self) -> None:
        self._breaks.put_nowait(None)

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[AsyncIterator[bytes]]:
        if self.refuses:
            raise StoreUnavailableError("refused by the test")
        async with self._store.subscribe(channel) as messages:
            yield self._heard(messages)

    async def _heard(self, messages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        breaking = asyncio.ensure_future(self._breaks.get())
        message = asyncio.ensure_future(anext(messages))
        try:
            while True:
                await asyncio.wait((message, breaking), return_when=asyncio.FIRST_COMPLETED)
                if breaking.done():
                    raise StoreUnavailableError("broken by the test")
                if not self.deaf:
                    yield message.result()
                message = asyncio.ensure_future(anext(messages))
        finally:
            breaking.cancel()
            message.cancel()


@pytest.fixture
def channel(store: Store) -> Channel:
    return Channel(store)


@pytest.fixture
def announcements(store: Store) -> RevocationPublisher:
    return RevocationPublisher(store, system_clock)


@pytest.fixture
async def feed(channel: Channel, anyio_backend: str) -> AsyncIterator[RevocationStream]:
    feed = RevocationStream(cast("Store", channel), system_clock, EventBuffer(8))
    async with feed.followed():
        yield feed


async def next_of(feed: RevocationStream, *seen: str) -> list[str]:
    """The names of the next events."""
    batch = await asyncio.wait_for(feed.next(seen, 100, waits=True), SOON_S)
    return [event.jti for event in batch.events]


async def fails_at_last(feed: RevocationStream, error: type[Exception], *seen: str) -> None:
    """Poll on until it is refused with `error`."""
    deadline = asyncio.get_running_loop().time() + SOON_S
    while asyncio.get_running_loop().time() < deadline:
        try:
            await next_of(feed, *seen)
        except error:
            return
        except (StoreUnavailableError, UnknownPositionError):
            await asyncio.sleep(0.02)
    raise AssertionError(f"no {error.__name__}")


async def begins_at_last(feed: RevocationStream) -> list[str]:
    """Begin a stream as soon as there is one again."""
    deadline = asyncio.get_running_loop().time() + SOON_S
    while asyncio.get_running_loop().time() < deadline:
        try:
            return await next_of(feed)
        except StoreUnavailableError:
            await asyncio.sleep(0.02)
    raise AssertionError("the feed did not recover")


async def test_many_who_wait_cost_one_sign_of_life_a_second(feed: RevocationStream, channel: Channel) -> None:
    begin = await next_of(feed)
    before = channel.published
    answers = await asyncio.gather(*(next_of(feed, *begin) for _ in range(50)))
    assert len({tuple(answer) for answer in answers}) == 1
    assert channel.published - before <= 2


async def test_nothing_is_sent_while_nobody_waits(feed: RevocationStream, channel: Channel) -> None:
    await asyncio.sleep(feed_module.VERIFY_EVERY_S * 1.5)
    assert channel.published == 0


async def test_when_the_subscription_breaks_those_who_wait_are_told_and_start_over(
    feed: RevocationStream, channel: Channel, announcements: RevocationPublisher
) -> None:
    begin = await next_of(feed)
    channel.refuses = True
    waiting = asyncio.ensure_future(feed.next(begin, 1, waits=True))
    await asyncio.sleep(0)
    channel.break_off()
    with pytest.raises(StoreUnavailableError):
        await asyncio.wait_for(waiting, SOON_S)
    with pytest.raises(StoreUnavailableError):
        await next_of(feed)
    await announcements.revoked(ENDED)  # which nobody here will ever hear of
    channel.refuses = False
    assert await begins_at_last(feed)
    with pytest.raises(UnknownPositionError):
        await next_of(feed, *begin)


async def test_a_channel_that_swallows_what_is_sent_is_found_out(
    feed: RevocationStream, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "PATIENCE_S", 0.3)
    begin = await next_of(feed)
    channel.deaf = True
    await fails_at_last(feed, StoreUnavailableError, *begin)
    channel.deaf = False
    assert await begins_at_last(feed)
    with pytest.raises(UnknownPositionError):
        await next_of(feed, *begin)


async def test_a_message_that_cannot_be_read_might_have_been_a_revocation(
    feed: RevocationStream, store: Store
) -> None:
    begin = await next_of(feed)
    await store.publish(keys.revocations(), b"nonsense")
    await fails_at_last(feed, UnknownPositionError, *begin)
    assert await begins_at_last(feed)


async def test_a_slow_receiver_starts_over(
    feed: RevocationStream, announcements: RevocationPublisher
) -> None:
    begin = await next_of(feed)
    for _ in range(20):
        await announcements.revoked(ENDED)
    await fails_at_last(feed, UnknownPositionError, *begin)


async def test_an_event_that_another_process_had_first_is_waited_for(
    feed: RevocationStream, store: Store, announcements: RevocationPublisher
) -> None:
    await next_of(feed)
    other = RevocationStream(store, system_clock)
    async with other.followed():
        waiting = asyncio.ensure_future(next_of(other))
        (jti,) = await waiting
        assert await next_of(feed, jti)


async def test_a_feed_that_could_never_be_followed_says_so_and_lets_the_process_start(
    channel: Channel,
) -> None:
    channel.refuses = True
    feed = RevocationStream(cast("Store", channel), system_clock)
    async with feed.followed():
        with pytest.raises(StoreUnavailableError):
            await next_of(feed)
        channel.refuses = False
        assert await begins_at_last(feed)
