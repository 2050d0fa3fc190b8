"""The promises every store keeps. The contract suite in ``tests/storage`` holds each backend to them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol


class StoreUnavailableError(Exception):
    """The store could not be asked, or did not confirm a write: nothing may be assumed about the outcome."""


class StoreFullError(StoreUnavailableError):
    """The store has no room for what was to be written; nothing was changed.

    Reading, `delete`, `index_remove`, `publish` and a `replace` by a value that is hardly longer
    (`MAX_GROWTH`) need no room, so that what was granted can be ended while the store is full.
    """


MAX_GROWTH = 512
"""Bytes by which a document may grow while the store is full: the reason for which a grant was revoked."""


class Count(NamedTuple):
    """The outcome of `Store.count`.

    Attributes:
        admitted: whether it was counted; False where that would have exceeded the limit.
        value: the counter after the call.
        remaining_s: whole seconds until the counter starts from zero again, rounded up; at least 1.
    """

    admitted: bool
    value: int
    remaining_s: int


def check_step(by: int) -> None:
    """Raise ValueError where a counter would be changed by less than 1."""
    if by < 1:
        raise ValueError("a counter changes by at least 1")


class Store(Protocol):
    """Keys are text, values are bytes, every change touches exactly one key and is atomic.

    Every method raises `StoreUnavailableError` when the backend cannot be reached or does not answer in time.
    A write that returned has been acknowledged by the backend: it survives a crash of this process and, with
    Redis in the configuration we ship (append-only file, fsync always), a crash of the store. A write that
    raised `StoreUnavailableError` may or may not have happened; no backend ever sends one twice.

    Every method raises ValueError, before anything is sent, for a `ttl_s` below 1 and for text that is not
    Unicode (lone surrogates). Lifetimes are measured by the backend's clock.

    One instance belongs to one event loop. Any number of processes may use the same backend at once.
    """

    async def get(self, key: str) -> bytes | None:
        """Return the value of `key`, or None where it does not exist or has expired."""
        ...

    async def create(self, key: str, value: bytes, *, ttl_s: int | None) -> bool:
        """Write `key` if it does not exist. False, and no change, if it does.

        Args:
            ttl_s: seconds until the key vanishes, at least 1; None keeps it until deleted.
        """
        ...

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl_s: int | None) -> bool:
        """Write `new` if the value is `old`, byte for byte. False, and no change, if not or if it is absent.

        The lifetime of the key becomes `ttl_s` (None: until deleted).
        """
        ...

    async def delete(self, key: str) -> bool:
        """Remove `key`. True to exactly one of several concurrent callers: the one that removed it."""
        ...

    async def put_once(self, key: str, *, ttl_s: int) -> bool:
        """Record `key` for `ttl_s` seconds. True to exactly one of several concurrent callers."""
        ...

    async def count(self, key: str, *, ttl_s: int, limit: int, by: int = 1) -> Count:
        """Add `by` to the counter `key`, unless it would then exceed `limit`: one atomic operation.

        However many callers count at once, in however many processes, the counter never exceeds `limit` by
        this, and no count is lost. `get` reads a counter as decimal digits.

        Args:
            ttl_s: seconds from the first count until the counter expires. Later counts do not prolong it.
            by: at least 1.
        """
        ...

    async def uncount(self, key: str, *, by: int = 1) -> None:
        """Subtract `by` from a counter, never below zero. Its lifetime stays; a missing one stays missing."""
        ...

    async def index_add(self, index: str, member: str, *, ttl_s: int | None) -> None:
        """Add `member` to the set `index` (renewing its lifetime if it is there). Expired members go."""
        ...

    async def index_add_within(self, index: str, member: str, *, ttl_s: int | None, limit: int) -> bool:
        """The same while `index` holds fewer than `limit` other members. False, and no change, if it is full.

        However many ask at once, in however many processes, the index never holds more than `limit` by this.
        """
        ...

    async def index_remove(self, index: str, member: str) -> None:
        """Take `member` out of `index`; no error if it is not in it."""
        ...

    async def index_list(self, index: str) -> list[str]:
        """The unexpired members of `index`, sorted."""
        ...

    async def publish(self, channel: str, message: bytes) -> None:
        """Send `message` to everyone who is subscribed to `channel` now, in any process.

        All subscribers of a channel get its messages in the same order, no matter who published them.
        """
        ...

    def subscribe(self, channel: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Messages published to `channel` from the moment the context is entered.

        The iterator raises `StoreUnavailableError` if a message may have been missed, within a few seconds
        also where the backend has fallen silent, and from then on. A subscription may hold a connection of
        its own: subscribe once in a process and share what comes.
        """
        ...

    async def ping(self) -> None:
        """Return if the store answers and accepts writes."""
        ...

    async def misconfigurations(self) -> list[str]:
        """What in the backend's configuration breaks a promise made here, in sentences for its operator."""
        ...

    async def aclose(self) -> None:
        """Let go of every connection. The store is not used afterwards."""
        ...
