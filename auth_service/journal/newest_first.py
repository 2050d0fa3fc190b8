"""Reads the entries of all chains, newest first, from any place on."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

from auth_service.storage import keys
from shared.storage.interface import Position, Store

_FIRST_WRITES = 4
_MOST_WRITES = 32
"""Writes that are read at once of one chain: more each time, since most chains are read once."""
_CHAINS_AT_ONCE = 32
_MAX_TIME_MS = 2**53


class Place(NamedTuple):
    """The place of an entry among those of all chains; it is also the id of the event.

    Attributes:
        time_ms: when the entry was written, in milliseconds since 1970.
        sequence: its number in its chain.
    """

    time_ms: int
    chain: str
    sequence: int

    def to_text(self) -> str:
        """Return the place as text for URLs."""
        return f"{self.time_ms}-{self.sequence}-{self.chain}"


def read_place(text: str) -> Place:
    """Read a place from its text.

    Raises:
        ValueError: it is not one.
    """
    time_ms, _, rest = text.partition("-")
    sequence, _, chain = rest.partition("-")
    numbers = (time_ms, sequence)
    if not all(each.isascii() and each.isdigit() and len(each) <= 16 for each in numbers):
        raise ValueError("a place must begin with two numbers")
    if not 0 < len(chain) <= 128 or not all(each.isalnum() or each in "-_." for each in chain):
        raise ValueError("a place must name a chain")
    if not chain.isascii() or int(time_ms) > _MAX_TIME_MS:
        raise ValueError("a place must name a time and a chain")
    return Place(int(time_ms), chain, int(sequence))


NEWEST = Place(_MAX_TIME_MS, "~", 0)
"""The place behind every entry."""


def before_time(time_ms: int) -> Place:
    """Return the place before which all entries have been written earlier."""
    return Place(time_ms, "", 0)


async def newest_first(
    store: Store, chains: Iterable[str], before: Place = NEWEST
) -> AsyncIterator[tuple[Place, bytes]]:
    """Iterate over the entries of chains before a place.

    Raises:
        StoreUnavailableError: the store does not respond.
    """
    sources = [_Source(store, chain, before) for chain in chains]
    for start in range(0, len(sources), _CHAINS_AT_ONCE):
        await asyncio.gather(*(source.fill() for source in sources[start : start + _CHAINS_AT_ONCE]))
    heap = [(_descending(source.buffer[-1][0]), source) for source in sources if source.buffer]
    heapq.heapify(heap)
    while heap:
        _, source = heap[0]
        yield source.buffer.pop()
        if not source.buffer:
            await source.fill()
        if source.buffer:
            heapq.heapreplace(heap, (_descending(source.buffer[-1][0]), source))
        else:
            heapq.heappop(heap)


def _descending(place: Place) -> tuple[int, tuple[int, ...], int]:
    # Each chain once in the heap: sources are never compared. Shorter names come after longer ones.
    return -place.time_ms, (*(-ord(each) for each in place.chain), 0), -place.sequence


class _Source:
    """A chain that is read backwards.

    Attributes:
        buffer: entries that were read, the next one last.
    """

    def __init__(self, store: Store, chain: str, before: Place) -> None:
        self._store = store
        self._chain = chain
        self._before = before
        # The write that contains the place itself has the position of its last entry.
        self._end = Position(before.time_ms + (chain <= before.chain), 0)
        self._writes = _FIRST_WRITES
        self._is_over = False
        self.buffer: list[tuple[Place, bytes]] = []

    async def fill(self) -> None:
        """Read until there are entries, or the chain begins."""
        while not self.buffer and not self._is_over:
            log = keys.journal(self._chain)
            writes = await self._store.log_read_back(log, before=self._end, limit=self._writes)
            self._is_over = len(writes) < self._writes
            self._writes = min(2 * self._writes, _MOST_WRITES)
            for position, lines in reversed(writes):
                self.buffer += entries_of(self._chain, position, lines, self._before)
            if writes:
                self._end = writes[-1][0]


def entries_of(
    chain: str, position: Position, lines: bytes, before: Place = NEWEST
) -> list[tuple[Place, bytes]]:
    """Return the entries of a write that are before a place, oldest first."""
    entries = lines.split(b"\n")
    first = position.sequence - len(entries) + 1
    placed = ((Place(position.time_ms, chain, first + number), entry) for number, entry in enumerate(entries))
    return [(place, entry) for place, entry in placed if place < before]
