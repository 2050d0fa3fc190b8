"""Writes the chain of this process: all events that wait together share one write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from time import perf_counter

from auth_service.crypto.secrets import new_id
from auth_service.journal.grant_events import TAKING_ACCESS
from auth_service.journal.growth import Growth
from auth_service.journal.limits import StrangersShare
from auth_service.journal.omissions import Omissions
from auth_service.storage import keys
from shared.clock import Clock
from shared.journal.chain import Chain, Head, digest_of
from shared.journal.checkpoint import CheckpointKey
from shared.journal.event import Event, EventKind
from shared.logs import current_request_id, get_logger
from shared.storage.interface import START, Position, Store, StoreFullError
from shared.traces.current import current_trace_id

MAX_BATCH = 500
"""Events of one write."""
MAX_UNSIGNED = 1_000
"""Events after which a checkpoint is due before its time."""
MAX_WAITING = 10_000
"""Events that wait while the store is away; further ones are only counted."""
DAY_MS = 86_400_000

_log = get_logger(__name__)

Recorded = Callable[[EventKind, Mapping[str, object], float], None]
"""Called with an event's kind and members, and the seconds that it took to store it."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An event that waits to be written.

    Attributes:
        build: makes the event that follows a head.
        begins: whether it must be the first of its write.
        stored: set when the event is stored, or not known to be, or left out (False); None if nobody waits.
        kind: its kind; None for a checkpoint.
    """

    build: Callable[[Head], Event]
    begins: bool
    stored: asyncio.Future[bool] | None
    kind: EventKind | None = None

    @property
    def takes_access(self) -> bool:
        """Whether it happens also if the store is full: to end or narrow a grant needs no room."""
        return self.kind in TAKING_ACCESS


@dataclass(frozen=True, slots=True)
class _Batch:
    """Entries of the chain that are written together."""

    position: Position
    lines: bytes


class JournalWriter:
    """`Journal` for one process, as one chain in a log of its own.

    The chain begins with the first event. An event whose write failed may be in the journal: the entries of
    a failed write are written before any other, in the same place, so that the chain has no gap.

    Args:
        recorded: called when an event was stored, or noted; None measures nothing.
        share: limits the events of strangers; None stores all.

    Attributes:
        omissions: counts the events that the journal does not contain.
        growth: counts the bytes that this process has stored.
    """

    def __init__(
        self,
        store: Store,
        key: CheckpointKey,
        clock: Clock,
        recorded: Recorded | None = None,
        *,
        share: StrangersShare | None = None,
    ) -> None:
        self._store = store
        self._key = key
        self._clock = clock
        self._chain = Chain(new_id())
        self._last = START
        self._signed = 0
        self._received = 0
        self._stored_head: Head | None = None
        self._recorded = recorded
        self._share = share
        self.omissions = Omissions()
        self.growth = Growth()
        self._unwritten: _Batch | None = None
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None
        self.checkpoint_due = asyncio.Event()

    @property
    def writer(self) -> str:
        """The name of the chain."""
        return self._chain.head.writer

    @property
    def waiting(self) -> int:
        """How many events wait to be stored."""
        return len(self._waiting)

    @property
    def needs_checkpoint(self) -> bool:
        """Whether an event is not signed yet or waits to be written, or the last entry is a day old."""
        is_old = self._signed > 0 and self._now_ms() - self._last.time_ms >= DAY_MS
        is_unsigned = self._chain.head.sequence > self._signed or bool(self._waiting)
        return is_unsigned or is_old or self._received > 0 or self.omissions.is_unreported

    @property
    def stored_head(self) -> Head | None:
        """The last entry that is stored; None if there is none."""
        return self._stored_head

    def expect_witness(self, entries: int) -> None:
        """Note that entries of other chains were stored, whose heads the next checkpoint should name."""
        self._received += entries
        if self._received >= MAX_UNSIGNED:
            self.checkpoint_due.set()

    def begin_witness(self) -> None:
        """Note that the heads of the other chains are about to be read."""
        self._received = 0

    async def record(self, kind: EventKind, **members: object) -> None:
        """Return when the event is stored; see `Journal.record`."""
        await self.begin(kind, **members)

    def begin(self, kind: EventKind, **members: object) -> asyncio.Future[bool]:
        """Return a future that is done when the event is stored; see `Journal.begin`."""
        event = self._event(kind, members)
        stored = self._add(lambda _: event, kind=kind)
        if self._recorded is not None:
            stored.add_done_callback(_measuring(self._recorded, kind, members))
        return stored

    def note(self, kind: EventKind, **members: object) -> None:
        """Record an event soon; see `Journal.note`."""
        if len(self._waiting) >= MAX_WAITING:
            self.omissions.missing += 1
            return
        event = self._event(kind, members)
        self._wait(_Waiting(lambda _: event, begins=False, stored=None, kind=kind))
        if self._recorded is not None:
            self._recorded(kind, members, 0.0)

    async def checkpoint(self, heads: Iterable[Head] = ()) -> None:
        """Sign the chain.

        Args:
            heads: the last entries of other chains.

        Raises:
            StoreUnavailableError: the checkpoint may not be stored.
        """
        named, now_ms = tuple(heads), self._now_ms()

        def sign(head: Head) -> Event:
            self._signed = head.sequence + 1
            self.checkpoint_due.clear()
            return self._key.checkpoint(head, named, now_ms)

        # Retention removes whole writes, and what it leaves must begin with a checkpoint.
        await self._add(sign, begins=True)

    def _add(
        self, build: Callable[[Head], Event], *, begins: bool = False, kind: EventKind | None = None
    ) -> asyncio.Future[bool]:
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._wait(_Waiting(build, begins, stored, kind))
        return stored

    def _wait(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_waiting())

    def _event(self, kind: EventKind, members: dict[str, object]) -> Event:
        ids = {"request": current_request_id.get() or None, "trace": current_trace_id() or None}
        return Event(kind=kind, time_ms=self._now_ms(), members={**members, **ids})

    async def _write_waiting(self) -> None:
        try:
            while self._waiting and await self._write(self._take()):
                pass
        finally:
            self._writing = None

    def _take(self) -> list[_Waiting]:
        """Remove and return the events of the next write."""
        begins = (place for place, each in enumerate(self._waiting) if place and each.begins)
        count = min(next(begins, MAX_BATCH), MAX_BATCH)
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    async def _write(self, taken: list[_Waiting]) -> bool:
        """Write events; return False if they may not be stored."""
        chained = False
        try:
            await self._write_again()
            taken = await self._within_share(taken)
            self._unwritten = await self._batch(taken)
            chained = True
            await self._write_again()
        except Exception as error:  # noqa: BLE001 -- each caller learns that its event may not be stored
            later, self._waiting = self._waiting, []
            for waiting in later if chained else [*taken, *later]:
                self._keep_after(error, waiting)
            _end([*taken, *later], error)
            return False
        _end(taken, None)
        return True

    async def _within_share(self, taken: list[_Waiting]) -> list[_Waiting]:
        """Leave out the events of strangers beyond their share; return the others."""
        if self._share is None:
            return taken
        refused = await self._share.refused(waiting.kind for waiting in taken if waiting.kind)
        left_out = [waiting for waiting in taken if waiting.kind in refused]
        self.omissions.beyond_share += len(left_out)
        _end(left_out, None, is_stored=False)
        return [waiting for waiting in taken if waiting.kind not in refused]

    def _keep_after(self, error: Exception, waiting: _Waiting) -> None:
        """Keep an event that nobody waits for, or that happens although it could not be stored."""
        if waiting.stored is None:
            self._waiting.append(waiting)
        elif waiting.takes_access and isinstance(error, StoreFullError):
            if len(self._waiting) < MAX_WAITING:
                self._waiting.append(replace(waiting, stored=None))
            else:
                self.omissions.missing += 1

    async def _batch(self, taken: list[_Waiting]) -> _Batch | None:
        if not self._chain.head.sequence or any(waiting.begins for waiting in taken):
            # First, because a chain that no index names would never be read. Again with each checkpoint,
            # because the store may have lost it, or another process may have removed a chain without news.
            await self._store.index_add(keys.journal_chains(), self.writer, ttl_s=None)
        lines = list(self._lines(taken))
        if not lines:
            return None
        if self._chain.head.sequence - self._signed >= MAX_UNSIGNED:
            self.checkpoint_due.set()
        self._last = Position(max(self._last.time_ms, self._now_ms()), self._chain.head.sequence)
        return _Batch(self._last, b"\n".join(lines))

    def _lines(self, taken: list[_Waiting]) -> Iterator[bytes]:
        if not self._chain.head.sequence:
            yield self._chain.append(Event(kind=EventKind.OPENED, time_ms=self._now_ms()))
        for waiting in taken:
            try:
                yield self._chain.append(waiting.build(self._chain.head))
            except Exception as error:  # noqa: BLE001 -- without a form in JSON; the others have one
                self._leave_out(waiting, error)
        for members in self.omissions.reports(all_kinds=any(waiting.begins for waiting in taken)):
            yield self._chain.append(Event(kind=EventKind.GAP, time_ms=self._now_ms(), members=members))

    def _leave_out(self, waiting: _Waiting, error: Exception) -> None:
        _log.error("an event has no form in JSON", reason=str(error))
        if waiting.stored is None:
            self.omissions.missing += 1
        _end([waiting], error)

    async def _write_again(self) -> None:
        """Write the entries that are not known to be stored."""
        if (batch := self._unwritten) is not None:
            # False: an earlier write of the same entries was not lost.
            await self._store.log_append(keys.journal(self.writer), batch.position, batch.lines)
            self._unwritten = None
            self.growth.add(len(batch.lines))
            last = batch.lines.rpartition(b"\n")[2]
            self._stored_head = Head(self.writer, batch.position.sequence, digest_of(last))

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _measuring(
    recorded: Recorded, kind: EventKind, members: Mapping[str, object]
) -> Callable[[asyncio.Future[bool]], None]:
    """Return what calls `recorded` when an event that begins to wait now is stored."""
    begun = perf_counter()

    def measure(stored: asyncio.Future[bool]) -> None:
        if not stored.cancelled() and stored.exception() is None and stored.result():
            recorded(kind, members, perf_counter() - begun)

    return measure


def _end(taken: list[_Waiting], error: Exception | None, *, is_stored: bool = True) -> None:
    for waiting in taken:
        if waiting.stored is None or waiting.stored.done():
            continue  # nobody waits, or no more
        if error is None:
            waiting.stored.set_result(is_stored)
        else:
            waiting.stored.set_exception(error)
