"""Chains of resource servers, stored as they were sent after their digests were checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from auth_service.journal.writer import JournalWriter
from auth_service.storage import keys
from shared import base64url
from shared.clock import Clock
from shared.journal.chain import Head, digest_of, empty, read_entry
from shared.journal.delivery import Delivery, may_be_delivered
from shared.journal.event import EventKind, canonical
from shared.storage.interface import START, Position, Store

MAX_AHEAD_MS = 86_400_000
"""How far the clock of a resource server may be ahead."""


class ChainConflictError(Exception):
    """The entries do not continue the chain: the store, or the resource server, has lost a part of it.

    Attributes:
        through: the last entry that is stored.
    """

    def __init__(self, through: int) -> None:
        super().__init__(f"the chain ends with entry {through}")
        self.through = through


@dataclass(frozen=True, slots=True)
class _Write:
    """A write of a chain.

    Attributes:
        before, last: the entries before the first and at the end.
    """

    lines: bytes
    entries: tuple[dict[str, Any], ...]
    before: Head
    last: Head

    @property
    def position(self) -> Position:
        """The position in the log. It depends on the entries alone, so that a repetition has the same."""
        return Position(self.entries[-1]["time_ms"], self.last.sequence)


@dataclass(frozen=True, slots=True)
class Received:
    """The outcome of a delivery.

    Attributes:
        head: the last entry of the chain.
        events: those that were not stored before.
    """

    head: Head
    events: tuple[dict[str, Any], ...]


class ReceivedChains:
    """Stores the chains of resource servers, each write once however often it is sent."""

    def __init__(self, store: Store, journal: JournalWriter, clock: Clock) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock

    async def add(self, delivery: Delivery) -> Received:
        """Store what is not stored yet.

        Raises:
            ValueError: an entry is malformed, or not for resource servers.
            ChainConflictError: the entries do not continue the chain.
            StoreUnavailableError: a part may not be stored.
        """
        head, position = await self._last(delivery.chain)
        sent = list(_writes(delivery, self._latest_ms()))
        writes = [write for write in sent if write.last.sequence > head.sequence]
        if len(writes) < len(sent) and not await self._is_stored(delivery.chain, sent[-len(writes) - 1]):
            raise ChainConflictError(head.sequence)
        if writes and writes[0].position <= position:
            raise ValueError("the time of an entry is before that of the one before")
        events: list[dict[str, Any]] = []
        if writes and (not head.sequence or _names_heads(writes)):
            # First, and again, for the reasons of the chains of this service.
            await self._store.index_add(keys.journal_chains(), delivery.chain, ttl_s=None)
        for write in writes:
            if write.before != head:
                raise ChainConflictError(head.sequence)
            # Another process may have stored a repetition meanwhile.
            if await self._store.log_append(keys.journal(delivery.chain), write.position, write.lines):
                events += write.entries
                self._journal.growth.add(len(write.lines))
            head = write.last
        self._journal.expect_witness(len(events))
        return Received(head, tuple(events))

    async def _last(self, chain: str) -> tuple[Head, Position]:
        last = await self._store.log_last(keys.journal(chain))
        if last is None:
            return empty(chain), START
        entry = last[1].rpartition(b"\n")[2]
        try:
            return Head(chain, read_entry(entry)["sequence"], digest_of(entry)), last[0]
        except ValueError as error:
            raise ChainConflictError(0) from error  # somebody has changed the store

    async def _is_stored(self, chain: str, write: _Write) -> bool:
        """Whether a write that seems to be a repetition is one.

        A process that runs on a copy of the files of another one continues the same chain differently.
        """
        time_ms, sequence = write.position.time_ms, write.position.sequence
        before = Position(time_ms, sequence - 1)
        stored = await self._store.log_read(keys.journal(chain), after=before, limit=1)
        return stored == [(write.position, write.lines)]

    def _latest_ms(self) -> int:
        return int(self._clock() * 1000) + MAX_AHEAD_MS


def _writes(delivery: Delivery, latest_ms: int) -> Iterator[_Write]:
    """Yield the writes; each must continue the one before.

    Raises:
        ValueError: see `ReceivedChains.add`.
    """
    head: Head | None = None
    time_ms = 0
    for lines in delivery.writes:
        entries = []
        before = None
        for line in lines.split(b"\n"):
            entry = read_entry(line)
            previous = Head(delivery.chain, entry["sequence"] - 1, base64url.decode(entry["previous"]))
            if head is not None and previous != head:
                raise ValueError("an entry does not follow the one before")
            if not _is_canonical(entry, line):
                raise ValueError("an entry is not in its canonical form")
            if entry["sequence"] < 1:
                raise ValueError("the first entry of a chain has the sequence 1")
            if not may_be_delivered(entry["kind"]):
                raise ValueError(f"a resource server does not record {entry['kind']}")
            if not time_ms <= entry["time_ms"] <= latest_ms:
                raise ValueError("the time of an entry is before that of another one, or in the future")
            before, time_ms = before or previous, entry["time_ms"]
            head = Head(delivery.chain, entry["sequence"], digest_of(line))
            entries.append(entry)
        if before is None or head is None:
            raise ValueError("a write must have entries")
        yield _Write(lines, tuple(entries), before, head)


def _is_canonical(entry: dict[str, Any], line: bytes) -> bool:
    """Whether all readers understand an entry alike, and exports can write it."""
    try:
        return canonical(entry) == line
    except (RecursionError, ValueError):
        return False


def _names_heads(writes: list[_Write]) -> bool:
    return any(entry["kind"] == EventKind.WITNESS for write in writes for entry in write.entries)


def answer(received: Received, own_head: Head | None) -> dict[str, Any]:
    """Return the JSON members of the answer to a delivery."""
    return {
        "through": received.head.sequence,
        **({"head": own_head.to_json()} if own_head else {}),
    }
