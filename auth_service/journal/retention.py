"""Removes old events of all chains, so that what is left can still be verified."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import NoReturn

from auth_service.journal.limits import JournalLimit
from auth_service.journal.reader import JournalReader
from auth_service.journal.writer import JournalWriter
from auth_service.storage import keys
from shared import base64url
from shared.clock import Clock
from shared.in_background import in_background
from shared.journal.chain import Head, digest_of, read_entry
from shared.journal.delivery import is_delivered
from shared.journal.event import EventKind
from shared.logs import get_logger
from shared.storage.interface import Position, Store

INTERVAL_S = 3_600.0
_MINUTE_MS = 60_000
GROWTH_PARTS = 16
"""Old events are removed before their time when one process has stored one part of so many of the limit."""
_RUNNING_S = 2 * 86_400
"""A process that runs writes at least once a day; a chain without entries for two has ended."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Removal:
    """The part of a chain that may be removed.

    Attributes:
        before: the position of the first write that stays.
        last: the last entry that goes.
        whole: whether nothing stays.
        early: how many of its events are not old enough: the journal has reached its limit of bytes.
    """

    before: Position
    last: Head
    whole: bool
    early: int


class Retention:
    """Removes events older than `keep_s`, and the oldest beyond the limit of bytes, up to a checkpoint.

    What is left of a chain begins with a checkpoint, so its sequence and the digest before it are signed. The
    removal is an event that is signed before anything is removed. Any process may do it, and several at once.
    """

    def __init__(
        self,
        store: Store,
        reader: JournalReader,
        writer: JournalWriter,
        clock: Clock,
        *,
        keep_s: int,
        limit: JournalLimit,
    ) -> None:
        self._store = store
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._keep_s = keep_s
        self._limit = limit

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Apply it in the background, every hour and when the journal grows fast, until the context ends."""
        async with in_background(self._follow()):
            yield

    async def _follow(self) -> NoReturn:
        growth = self._writer.growth
        while True:
            growth.restart(await self._limit.read() // GROWTH_PARTS)
            with suppress(TimeoutError):
                await asyncio.wait_for(growth.due.wait(), INTERVAL_S)
            try:
                await self.apply()
            except Exception as error:  # noqa: BLE001 -- whatever the store has, the next hour must be tried
                _log.warning("old events were not removed from the journal", reason=str(error))

    async def apply(self) -> int:
        """Remove what is too old; return how many chains were shortened.

        Raises:
            StoreUnavailableError: something may not have been removed; it will be the next time.
        """
        too_old_ms = int((self._clock() - self._keep_s) * 1000)
        oldest_ms = max(too_old_ms, await self._within_bytes(too_old_ms))
        removals = {writer: await self._try(writer, oldest_ms) for writer in await self._reader.writers()}
        due = {writer: removal for writer, removal in removals.items() if removal}
        for writer, removal in due.items():
            await self._writer.record(EventKind.TRIMMED, chain=writer, **_members(removal))
        if due:
            await self._writer.checkpoint()
        for writer, removal in due.items():
            await self._store.log_trim(keys.journal(writer), before=removal.before)
            if removal.whole:
                await self._store.index_remove(keys.journal_chains(), writer)
        if early := sum(removal.early for removal in due.values()):
            self._writer.omissions.removed_early += early
            _log.warning(
                "events were removed from the journal before journal_retention_days: it has reached its size",
                events=early,
                max_bytes=self._limit.bytes,
            )
        return len(due)

    async def _within_bytes(self, since_ms: int) -> int:
        """Return the time (ms) since which all chains together are within the limit, to the minute."""
        by_minute: Counter[int] = Counter()
        for writer in await self._reader.writers():
            async for position, entries in self._reader.written(writer, after=Position(max(0, since_ms), 0)):
                by_minute[position.time_ms // _MINUTE_MS] += sum(len(entry) + 1 for entry in entries)
        return first_minute_within(by_minute, await self._limit.read()) * _MINUTE_MS

    async def _try(self, writer: str, oldest_ms: int) -> _Removal | None:
        try:
            return await self._removal(writer, oldest_ms)
        except ValueError:
            return None  # a verification reports the entry that is none

    async def _removal(self, writer: str, oldest_ms: int) -> _Removal | None:
        removal, last, last_ms, early = None, b"", 0, 0
        keeps_ms = (self._clock() - self._keep_s) * 1000
        async for position, entries in self._reader.written(writer):
            if position.time_ms >= oldest_ms:
                return removal
            if last and (is_delivered(writer) or _is_checkpoint(entries[0])):
                removal = _Removal(position, _head(writer, last), whole=False, early=early)
            last, last_ms = entries[-1], position.time_ms
            early += len(entries) if last_ms >= keeps_ms else 0
        too_old_ms = (self._clock() - min(self._keep_s, _RUNNING_S)) * 1000
        if not last or writer == self._writer.writer or last_ms >= too_old_ms:
            return removal
        return _Removal(Position(oldest_ms, 0), _head(writer, last), whole=True, early=early)


def first_minute_within(bytes_by_minute: Mapping[int, int], limit: int) -> int:
    """Return the earliest minute since which there are at most `limit` bytes; 0 if all are."""
    total = 0
    for minute in sorted(bytes_by_minute, reverse=True):
        total += bytes_by_minute[minute]
        if total > limit:
            return minute + 1
    return 0


def _is_checkpoint(entry: bytes) -> bool:
    return bool(read_entry(entry)["kind"] == EventKind.CHECKPOINT)


def _head(writer: str, entry: bytes) -> Head:
    return Head(writer, read_entry(entry)["sequence"], digest_of(entry))


def _members(removal: _Removal) -> dict[str, object]:
    early = {"early": removal.early} if removal.early else {}
    return {"through": removal.last.sequence, "digest": base64url.encode(removal.last.digest), **early}
