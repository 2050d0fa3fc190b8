"""The guarantees of every store. The contract suite in ``tests/storage`` checks each backend."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from shared.storage.entries import Entries
    from shared.storage.revocation_log import RevocationLog
    from shared.storage.steps import Step


class StoreUnavailableError(Exception):
    """The store did not answer or did not confirm a write: nothing may be assumed about the outcome."""


class NotPermittedError(StoreUnavailableError):
    """The user of the store may not access the key."""


class StoreFullError(StoreUnavailableError):
    """The store has no room for a write; nothing was changed.

    Reads, `delete`, `index_remove`, `publish` and a `replace` by a value at most `MAX_GROWTH` bytes longer
    need no room, so that grants can be ended while the store is full.
    """


class NotReplicatedError(StoreUnavailableError):
    """A write was made, but too few replicas confirmed it in time: a failover may lose it."""


MAX_GROWTH = 512
"""Bytes by which a document may grow while the store is full: room for the reason of a revocation."""


class Count(NamedTuple):
    """The outcome of `Store.count`.

    Attributes:
        admitted: whether the call was counted; False if it would have exceeded the limit.
        value: the counter after the call.
        remaining_s: whole seconds until the counter restarts from zero, rounded up; at least 1.
    """

    admitted: bool
    value: int
    remaining_s: int


class Position(NamedTuple):
    """The place of an entry in a log. Positions increase.

    Attributes:
        time_ms: milliseconds since 1970.
        sequence: tells entries of the same time apart; at least 1 in the first entry.
    """

    time_ms: int
    sequence: int


START = Position(0, 0)
"""The position before every entry."""


def check_step(by: int) -> None:
    """Raise ValueError if a counter would change by less than 1."""
    if by < 1:
        raise ValueError("a counter changes by at least 1")


class Store(Protocol):
    """Keys are text, values are bytes, every change affects exactly one key and is atomic.

    Every method raises `StoreUnavailableError` when the backend cannot be reached or does not answer in time.
    A write that returned has been acknowledged by the backend: it survives a crash of this process and, with
    Redis in the configuration we ship (append-only file, fsync always), a crash of the store. With replicated
    durability, replicas have it as well, unless its key is short-lived (`durability`). A write that raised
    `StoreUnavailableError` may or may not have happened; no backend ever sends a write twice.

    Every method raises ValueError, before anything is sent, for a `ttl_s` below 1 and for text that is not
    Unicode (lone surrogates). Lifetimes are measured by the backend's clock.

    One instance belongs to one event loop. Any number of processes may use the same backend at once.

    Attributes:
        revocation_log: records, in a second place, what a restore must leave out; None without one.
    """

    revocation_log: RevocationLog | None

    def get(self, key: str) -> Awaitable[bytes | None]:
        """Return the value of `key`, or None if it does not exist or has expired."""
        ...

    def get_many(self, keys: Sequence[str]) -> Awaitable[list[bytes | None]]:
        """Return the values of `keys` in their order: in one exchange with the backend, where possible.

        This and `get` return an `asyncio.Future` if the request was sent already.
        """
        ...

    def in_order(self, steps: Sequence[Step]) -> Awaitable[list[Any]] | None:
        """Perform steps in one exchange, each after the ones before it: for `steps.in_order`.

        Returns:
            None if this backend cannot: the caller performs one after the other.
        """
        ...

    async def create(self, key: str, value: bytes, *, ttl_s: int | None) -> bool:
        """Write `key` if it does not exist. Return False, without a change, if it does.

        Args:
            ttl_s: seconds until the key expires, at least 1; None keeps it until deleted.
        """
        ...

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl_s: int | None) -> bool:
        """Write `new` if the value is `old`, byte for byte. Return False, without a change, otherwise.

        The lifetime of the key becomes `ttl_s` (None: until deleted).
        """
        ...

    async def confirm(self, key: str, value: bytes, *, ttl_s: int | None) -> bool:
        """Check that the value is still `value`, and that this is as durable as an acknowledged write.

        For an acknowledgment without a write of its own: another caller may have written the value a moment
        ago, and not have been told yet that replicas have it. Arguments as in `replace`.
        """
        ...

    async def delete(self, key: str) -> bool:
        """Delete `key`. Returns True to exactly one of several concurrent callers: the one that did it."""
        ...

    async def put_once(self, key: str, *, ttl_s: int) -> bool:
        """Record `key` for `ttl_s` seconds. Returns True to exactly one of several concurrent callers."""
        ...

    async def count(self, key: str, *, ttl_s: int, limit: int, by: int = 1) -> Count:
        """Add `by` to the counter `key`, unless it would then exceed `limit`, as one atomic operation.

        However many callers count at once, in any number of processes, this method never exceeds `limit` and
        never loses a count. `get` reads a counter as decimal digits.

        Args:
            ttl_s: seconds from the first count until the counter expires. Later counts do not prolong it.
            by: at least 1.
        """
        ...

    async def uncount(self, key: str, *, by: int = 1) -> None:
        """Subtract `by` from a counter, never below zero. Keeps its lifetime; a missing one stays missing."""
        ...

    async def index_add(self, index: str, member: str, *, ttl_s: int | None) -> None:
        """Add `member` to the set `index`, or renew its lifetime. Expired members are dropped."""
        ...

    async def index_add_within(self, index: str, member: str, *, ttl_s: int | None, limit: int) -> bool:
        """Do the same if `index` holds fewer than `limit` other members, else return False without a change.

        However many callers add at once, in any number of processes, this method never exceeds `limit`.
        """
        ...

    async def index_remove(self, index: str, member: str) -> None:
        """Remove `member` from `index`; not an error if it is absent."""
        ...

    async def index_list(self, index: str) -> list[str]:
        """Return the unexpired members of `index`, sorted."""
        ...

    async def log_append(self, log: str, position: Position, entry: bytes) -> bool:
        """Add an entry to the end of `log`. Return False, without a change, if its last entry is not earlier.

        The one writer of a log can therefore repeat a write when it is unknown whether it happened: the entry
        is in the log once.
        """
        ...

    async def log_read(self, log: str, *, after: Position, limit: int) -> list[tuple[Position, bytes]]:
        """Return the first `limit` entries after a position, oldest first."""
        ...

    async def log_read_back(self, log: str, *, before: Position, limit: int) -> list[tuple[Position, bytes]]:
        """Return the last `limit` entries before a position, newest first."""
        ...

    async def log_last(self, log: str) -> tuple[Position, bytes] | None:
        """Return the last entry, or None if there is no such log."""
        ...

    async def log_trim(self, log: str, *, before: Position) -> None:
        """Remove the entries before a position; with the last one, the log itself."""
        ...

    async def publish(self, channel: str, message: bytes) -> None:
        """Send `message` to all current subscribers of `channel`, in any process.

        All subscribers of a channel get its messages in the same order, no matter who published them.
        """
        ...

    def subscribe(self, channel: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Iterate over the messages published to `channel` after the context is entered.

        The iterator raises `StoreUnavailableError` from the moment that a message may have been missed, and
        within a few seconds also if the backend has fallen silent. A subscription may hold a dedicated
        connection: subscribe once per process and share the messages.
        """
        ...

    async def time(self) -> float:
        """Return the backend's clock, in seconds since 1970: the same clock for every process."""
        ...

    async def ping(self) -> None:
        """Return if the store answers and accepts writes."""
        ...

    async def misconfigurations(self) -> list[str]:
        """List, in sentences for the operator, what breaks a guarantee above on any server of the backend."""
        ...

    async def memory_limit(self) -> int | None:
        """Return how many bytes the smallest server may keep in memory; None if memory does not limit it."""
        ...

    def entries(self) -> Entries:
        """Return everything in the store, to be read and written in bulk."""
        ...

    async def aclose(self) -> None:
        """Close all connections. The store must not be used afterwards."""
        ...
