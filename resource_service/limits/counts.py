"""Counters in windows of time: in the store that processes share, or in this process."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

from resource_service.storage import keys
from resource_service.storage.shared_store import SharedStore
from shared.clock import Clock
from shared.storage.interface import Count

PRUNE_FROM = 10_000
"""Counters in this process from which on expired ones are looked for."""


class Counter(NamedTuple):
    """A counter of one window.

    Attributes:
        name: texts that together name it.
        window_s: seconds from the first count until it restarts from zero.
        maximum: the highest value.
    """

    name: tuple[str, ...]
    window_s: int
    maximum: int


class Counts(Protocol):
    """Counters that never exceed their maximum."""

    async def count(self, counter: Counter, by: int) -> Count:
        """Add `by`, unless the counter would then exceed its maximum.

        Raises:
            StoreUnavailableError: it is not known whether this was counted.
        """
        ...

    async def uncount(self, counter: Counter, by: int) -> None:
        """Subtract `by`, in the same window."""
        ...


class SharedCounts:
    """Counters of all processes that share the store."""

    def __init__(self, store: SharedStore, server_id: str) -> None:
        self._store = store
        self._server_id = server_id

    async def count(self, counter: Counter, by: int) -> Count:
        store = await self._store.current()
        return await store.count(self._key(counter), ttl_s=counter.window_s, limit=counter.maximum, by=by)

    async def uncount(self, counter: Counter, by: int) -> None:
        store = await self._store.current()
        await store.uncount(self._key(counter), by=by)

    def _key(self, counter: Counter) -> str:
        return keys.limit_count(self._server_id, *counter.name)


class LocalCounts:
    """Counters of this process.

    Args:
        clock: measures windows.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counted: dict[tuple[str, ...], tuple[int, float]] = {}
        self._prune_at = PRUNE_FROM

    def __len__(self) -> int:
        return len(self._counted)

    async def count(self, counter: Counter, by: int) -> Count:
        now = self._clock()
        value, until = self._counted.get(counter.name, (0, 0.0))
        if until <= now:
            value, until = 0, now + counter.window_s
        remaining_s = max(1, math.ceil(until - now))
        if value + by > counter.maximum:
            return Count(False, value, remaining_s)
        self._counted[counter.name] = (value + by, until)
        self._prune(now)
        return Count(True, value + by, remaining_s)

    async def uncount(self, counter: Counter, by: int) -> None:
        value, until = self._counted.get(counter.name, (0, 0.0))
        if until > self._clock():
            self._counted[counter.name] = (max(0, value - by), until)

    def _prune(self, now: float) -> None:
        if len(self._counted) < self._prune_at:
            return
        self._counted = {name: each for name, each in self._counted.items() if each[1] > now}
        self._prune_at = max(PRUNE_FROM, 2 * len(self._counted))
