"""Publish and subscribe within one process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from auth_service.storage.interface import StoreUnavailableError

MAX_WAITING = 1_024
"""Messages kept for a subscriber that does not read; one more, and it is told that it missed some."""


class Subscription(AsyncIterator[bytes]):
    """The messages of one subscriber, in order; after a loss, `StoreUnavailableError` for ever."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._lost = False

    def offer(self, message: bytes) -> None:
        """Keep `message` until it is read."""
        if self._messages.qsize() >= MAX_WAITING:
            self.lose()
        elif not self._lost:
            self._messages.put_nowait(message)

    def lose(self) -> None:
        """Let the subscriber learn, after what it has been offered, that there was more."""
        if not self._lost:
            self._lost = True
            self._messages.put_nowait(None)

    async def __anext__(self) -> bytes:
        message = await self._messages.get()
        if message is None:
            self._messages.put_nowait(None)
            raise StoreUnavailableError("messages were missed")
        return message


class Broadcast:
    """Who is subscribed to what. Used from one event loop."""

    def __init__(self) -> None:
        self._subscriptions: defaultdict[str, set[Subscription]] = defaultdict(set)

    def publish(self, channel: str, message: bytes) -> None:
        """Offer `message` to everyone subscribed to `channel`."""
        for subscription in self._subscriptions.get(channel, ()):
            subscription.offer(message)

    @contextmanager
    def subscribe(self, channel: str) -> Iterator[Subscription]:
        """Be subscribed to `channel` inside the context."""
        subscription = Subscription()
        self._subscriptions[channel].add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions[channel].discard(subscription)
            if not self._subscriptions[channel]:
                del self._subscriptions[channel]

    def close(self) -> None:
        """Let every subscriber learn that nothing more comes."""
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                subscription.lose()
