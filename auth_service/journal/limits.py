"""The size of the journal, and the share of it for events that strangers cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from auth_service.storage import keys
from shared.journal.event import EventKind
from shared.storage.interface import Store, StoreUnavailableError

PART_OF_MEMORY = 3
"""The journal keeps at most one part of so many of the store's memory."""
EVENT_BYTES = 512
"""Bytes of an event that a stranger causes, in the store, rounded up."""
_DAY_S = 86_400

SHARES: Mapping[EventKind, float] = {
    EventKind.CLIENT_REGISTERED: 1 / 4,
    EventKind.CLIENT_CHANGED: 1 / 12,
    EventKind.CLIENT_DELETED: 1 / 12,
    EventKind.TOKENS_REFUSED: 1 / 12,
}
"""The share of the journal for each kind of event that needs no person: together a half."""


class JournalLimit:
    """The bytes of events that the journal keeps: the configured number, or less if the store is small.

    Attributes:
        bytes: the limit as of the last `read`.
    """

    def __init__(self, store: Store, configured: int) -> None:
        self._store = store
        self._configured = configured
        self.bytes = configured

    async def read(self) -> int:
        """Return the limit for the store's present memory; the last one if the store does not tell."""
        try:
            memory = await self._store.memory_limit()
        except StoreUnavailableError:
            return self.bytes
        self.bytes = self._configured if memory is None else min(self._configured, memory // PART_OF_MEMORY)
        return self.bytes


class StrangersShare:
    """Limits how many events of strangers the journal takes in a day, over all processes.

    Otherwise a flood would push the events of people out of a journal that keeps a limited number of bytes.

    Args:
        days: for how long the journal keeps events.
    """

    def __init__(self, store: Store, limit: JournalLimit, days: int) -> None:
        self._store = store
        self._limit = limit
        self._days = days

    async def refused(self, kinds: Iterable[EventKind]) -> frozenset[EventKind]:
        """Count events about to be stored; return the kinds whose events exceed their share.

        Raises:
            StoreUnavailableError: the store does not respond.
        """
        counts = Counter(kind for kind in kinds if kind in SHARES)
        return frozenset([kind for kind, number in counts.items() if not await self._admits(kind, number)])

    async def _admits(self, kind: EventKind, number: int) -> bool:
        key = keys.count("journal-strangers", kind.value)
        counted = await self._store.count(key, ttl_s=_DAY_S, limit=self.a_day(kind), by=number)
        return counted.admitted

    def a_day(self, kind: EventKind) -> int:
        """Return how many events of a kind the journal takes in a day."""
        return max(1, int(self._limit.bytes * SHARES[kind] / self._days / EVENT_BYTES))
