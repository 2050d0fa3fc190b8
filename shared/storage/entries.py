"""Everything in a store, read and written in bulk: what backup, restore and move need.

Lifetimes are moments here, in milliseconds since 1970: an entry that is written to another store expires when
it would have expired in the first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from shared.storage.interface import Position

T = TypeVar("T")

READ_AT_ONCE = 200
"""Entries in one batch of `Entries.read`, so that memory is bounded however many there are."""
WRITTEN_AT_ONCE_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document or a counter; `expires_at_ms` is None if it is kept until deleted."""

    key: str
    value: bytes
    expires_at_ms: int | None


@dataclass(frozen=True, slots=True)
class StoredMembers:
    """Some of the members of an index, each with its expiry."""

    index: str
    members: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class StoredLogEntries:
    """Some of the entries of a log, in their order."""

    log: str
    entries: tuple[tuple[Position, bytes], ...]


Entry = StoredDocument | StoredMembers | StoredLogEntries


class Entries(Protocol):
    """All entries of a store. The service may be running while they are read."""

    def read(self) -> AsyncIterator[Sequence[Entry]]:
        """Iterate over all unexpired entries, in batches.

        SQLite: as they were at the first batch. Redis: each entry as it is when it is read; an entry that
        exists from the first to the last batch is read at least once, others perhaps.
        """
        ...

    async def write(self, entries: Sequence[Entry]) -> None:
        """Write entries, in place of those that exist; members are added to their index.

        Entries are added to the end of their log, except those that are not later than its last one.
        """
        ...

    async def clear(self) -> None:
        """Delete all entries."""
        ...

    async def is_empty(self) -> bool:
        """Whether there is no entry."""
        ...


def size_of(entry: Entry) -> int:
    """Return about how many bytes an entry has."""
    if isinstance(entry, StoredDocument):
        return len(entry.key) + len(entry.value)
    if isinstance(entry, StoredLogEntries):
        return len(entry.log) + sum(len(value) for _, value in entry.entries)
    return len(entry.index) + sum(len(member) for member, _ in entry.members)


def in_batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Divide entries so that no batch is much larger than `WRITTEN_AT_ONCE_BYTES`."""
    batch, size = list[Entry](), 0
    for entry in entries:
        batch.append(entry)
        size += size_of(entry)
        if size >= WRITTEN_AT_ONCE_BYTES or len(batch) >= READ_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def chunked(items: Sequence[T], size: int = READ_AT_ONCE) -> Iterator[Sequence[T]]:
    """Divide a sequence into parts of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))
