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
_WIDTHS_MS = (86_400_000, 60_000, 1)
"""The journal is measured by day, then one day by minute, and one minute by millisecond: few numbers."""
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


@dataclass(frozen=True, slots=True)
class _Kept:
    """The times (ms) since which events stay: those that are not too old, and those within the limit."""

    not_too_old_ms: int
    within_limit_ms: int

    @property
    def oldest_ms(self) -> int:
        return max(self.not_too_old_ms, self.within_limit_ms)

    @property
    def is_by_age(self) -> bool:
        """Whether all events that are not too old are within the limit."""
        return self.within_limit_ms <= self.not_too_old_ms


class Retention:
    """Removes events older than `keep_s` up to a checkpoint, and the oldest beyond the limit of bytes.

    Those beyond the limit go up to the next checkpoint, so that at most the limit stays, unless what follows
    the last checkpoint of a chain is more. What is left of a chain begins with a checkpoint, so its sequence
    and the digest before it are signed. The removal is an event that is signed before anything is removed.
    Any process may do it, and several at once.
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
                async with asyncio.timeout(INTERVAL_S):
                    await growth.due.wait()
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
        kept = _Kept(too_old_ms, await self._within_bytes(too_old_ms))
        removals = {writer: await self._try(writer, kept) for writer in await self._reader.writers()}
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
        """Return the time (ms) since which all chains together are within the limit."""
        left, end_ms = await self._limit.read(), None
        for width_ms in _WIDTHS_MS:
            beyond = newest_beyond(await self._sizes(since_ms, end_ms, width_ms), left)
            if beyond is None:
                return since_ms
            number, left = beyond
            since_ms, end_ms = number * width_ms, (number + 1) * width_ms
        return end_ms or since_ms

    async def _sizes(self, since_ms: int, end_ms: int | None, width_ms: int) -> Counter[int]:
        """Return the bytes that all chains together have written in each interval of a time."""
        sizes: Counter[int] = Counter()
        after = Position(max(0, since_ms), 0)
        for writer in await self._reader.writers():
            async for position, entries in self._reader.written(writer, after=after):
                if end_ms is not None and position.time_ms >= end_ms:
                    break
                sizes[position.time_ms // width_ms] += sum(len(entry) + 1 for entry in entries)
        return sizes

    async def _try(self, writer: str, kept: _Kept) -> _Removal | None:
        try:
            return await self._removal(writer, kept)
        except ValueError:
            return None  # a verification reports the entry that is none

    async def _removal(self, writer: str, kept: _Kept) -> _Removal | None:
        removal, last, last_ms, early = None, b"", 0, 0
        keeps_ms = (self._clock() - self._keep_s) * 1000
        async for position, entries in self._reader.written(writer):
            # Beyond the limit, the first checkpoint that is within it ends the search: all before it goes.
            if position.time_ms >= kept.oldest_ms and (kept.is_by_age or not last):
                return removal
            if last and (is_delivered(writer) or _is_checkpoint(entries[0])):
                removal = _Removal(position, _head(writer, last), whole=False, early=early)
                if position.time_ms >= kept.oldest_ms:
                    return removal
            last, last_ms = entries[-1], position.time_ms
            early += len(entries) if last_ms >= keeps_ms else 0
        too_old_ms = (self._clock() - min(self._keep_s, _RUNNING_S)) * 1000
        if not last or writer == self._writer.writer or last_ms >= min(too_old_ms, kept.oldest_ms):
            return removal
        return _Removal(Position(kept.oldest_ms, 0), _head(writer, last), whole=True, early=early)


def newest_beyond(sizes: Mapping[int, int], limit: int) -> tuple[int, int] | None:
    """Return the newest interval that is not within `limit` together with all later ones.

    Returns:
        Its number, and the bytes of the limit that are left for a part of it; None if all are within.
    """
    left = limit
    for number in sorted(sizes, reverse=True):
        if sizes[number] > left:
            return number, left
        left -= sizes[number]
    return None


def _is_checkpoint(entry: bytes) -> bool:
    return bool(read_entry(entry)["kind"] == EventKind.CHECKPOINT)


def _head(writer: str, entry: bytes) -> Head:
    return Head(writer, read_entry(entry)["sequence"], digest_of(entry))


def _members(removal: _Removal) -> dict[str, object]:
    early = {"early": removal.early} if removal.early else {}
    return {"through": removal.last.sequence, "digest": base64url.encode(removal.last.digest), **early}
