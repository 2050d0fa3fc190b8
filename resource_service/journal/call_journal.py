"""The journal of calls of this process: a chain, stored in groups until it is delivered."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from resource_service.errors import Refusal, journal_unavailable
from resource_service.journal.buffer_file import SUFFIX, BufferFile
from resource_service.journal.call_chain import CallChain
from resource_service.journal.chain_buffer import ChainBuffer
from resource_service.journal.omissions import Omissions, Repetition
from resource_service.reasons import Reason
from shared.clock import Clock
from shared.in_background import in_background
from shared.journal.chain import Head
from shared.journal.delivery import chain_name, next_name
from shared.journal.event import EncodedEvent, EncodedMembers, Event, EventKind, encoded_members
from shared.logs import get_logger

GROUP_S = 0.01
"""The most time between two writes, while there are many calls: those of this time share one."""
GROUP_S_PER_CALL = 0.002
"""The time to the next write for each call that waited for the last one: a call alone hardly waits."""
LATER_S = 0.01
"""How long the end of a call waits for a write that the beginning of another one needs."""
WITNESS_MS = 60_000
"""How often the chain names the heads of the authorization server's chains."""
MAX_HEADS = 64

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLimits:
    """The limits that the operator has chosen.

    Attributes:
        directory: of the files with what is not delivered yet; None to keep it in memory only.
        max_bytes: of what is not delivered yet.
        refuses: whether calls are refused while there is no room; otherwise they are only counted.
    """

    directory: Path | None = None
    max_bytes: int = 67_108_864
    refuses: bool = True


class CallJournal:
    """Records calls.

    Args:
        only_in_run: whether nothing is recorded outside of `run`, where nothing is delivered either.

    Attributes:
        unverified_refusals: requests whose caller could not be verified, since the start.
        chains: those with events that are not delivered, the current one last.
        has_much: set when there is enough for a delivery.
    """

    def __init__(
        self, server_id: str, clock: Clock, limits: JournalLimits, *, only_in_run: bool = False
    ) -> None:
        self._server_id = server_id
        self._clock = clock
        self._limits = limits
        self._records = not only_in_run
        self._only_in_run = only_in_run
        self._calls = self._last_ms = 0
        self._witnessed_ms = -WITNESS_MS
        self._heads: dict[str, Head] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self._later: asyncio.TimerHandle | None = None
        self.unverified_refusals = 0
        self._omissions = Omissions()
        self.has_much = asyncio.Event()
        self._begin_chain()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Store events in the background. What is left at the end of the context stays in the files.

        Enter it again for another chain, as a server that is started again does.

        Raises:
            OSError: the directory cannot be used.
        """
        self._begin_own_chain()
        self._open()
        self._records = True
        try:
            async with in_background(self._store()):
                yield
        finally:
            self._records = not self._only_in_run
            await self._close()

    async def begin(self, calls: Sequence[EncodedMembers]) -> list[int]:
        """Record that calls begin; return their numbers when that is stored.

        Raises:
            Refusal: it cannot be stored, and the operator wants calls to be refused then.
        """
        if not self._has_room(len(calls)):
            return []
        numbers = [self._begin(call) for call in calls]
        if self.current.is_durable:
            try:
                await self._stored()
            except asyncio.CancelledError:
                for number in numbers:  # it is not forwarded
                    self.complete(number, result="cut off")
                raise
            except OSError as error:
                if self._limits.refuses:
                    for number in numbers:
                        self.complete(number, result="refused", reason_code=Reason.JOURNAL_UNAVAILABLE.code)
                    raise journal_unavailable(str(error)) from error
        return numbers

    def complete(self, number: int, **members: object) -> None:
        """Record how a call ended."""
        self._append(EventKind.CALL_COMPLETED, encoded_members({"call": number, **members}), number)
        self._store_soon()

    def note(self, kind: EventKind, members: EncodedMembers) -> None:
        """Record what has no effect, without waiting for it to be stored."""
        try:
            if self._omissions.is_refused(kind, self._now_ms()):
                self._omissions.add(1)
            elif self._has_room(1):
                self._append(kind, members)
                self._store_soon()
        except Refusal:
            self._omissions.add(1)

    @property
    def is_recording(self) -> bool:
        """Whether events are recorded, if there is room."""
        return self._records and self._limits.max_bytes > 0

    @property
    def current(self) -> CallChain:
        """The chain of new events."""
        return self.chains[-1]

    @property
    def lost(self) -> int:
        """How many events were not recorded, since the start."""
        return self._omissions.total

    @property
    def waiting(self) -> int:
        """How many events are not delivered."""
        return sum(chain.buffer.undelivered for chain in self.chains)

    @property
    def buffered_bytes(self) -> int:
        """How many bytes of events are not delivered."""
        return sum(chain.buffer.bytes for chain in self.chains)

    @property
    def heads(self) -> tuple[Head, ...]:
        """The heads that the next file or chain names."""
        return tuple(self._heads.values())

    def keep_head(self, head: Head) -> None:
        """Keep the head of a chain of the authorization server, or of an ended chain of this service."""
        if not head.sequence:
            return  # of a chain without entries, which verification would miss
        self._heads.pop(head.writer, None)
        self._heads[head.writer] = head
        while len(self._heads) > MAX_HEADS:
            del self._heads[next(iter(self._heads))]

    async def remove(self, chain: CallChain) -> None:
        """Forget an earlier chain: all of it was delivered."""
        self.keep_head(chain.buffer.head)
        self.chains.remove(chain)
        await chain.close((), remove=True)

    async def replace(self, chain: CallChain, repetition: Repetition) -> CallChain:
        """Let another chain take the place of one that the authorization server does not continue; return it.

        Args:
            repetition: what the other chain repeats of what was not delivered; the rest is a gap.
        """
        name = next_name(chain.buffer.head.writer)
        new = CallChain.create(name, self._limits.directory, self._thread)
        async with chain.settled():
            self.keep_head(chain.buffer.delivered_head)
            if repetition is Repetition.NONE:
                self._omissions.add(chain.buffer.undelivered)
            else:
                self._repeat(chain.buffer, new.buffer, repetition)
                new.buffer.append(self._witness())
            self.chains[self.chains.index(chain)] = new
            # Calls that wait for a write of the other chain are forwarded only once this one has them.
            await new.commit()
        await chain.close((), remove=True)
        return new

    def _repeat(self, old: ChainBuffer, new: ChainBuffer, repetition: Repetition) -> None:
        events = old.events()
        if repetition is Repetition.EACH_ALONE:
            new.append_each(events)
            return
        for event in (
            self._omissions.without_first(events) if repetition is Repetition.WITHOUT_FIRST else events
        ):
            new.append(event)

    def _begin_chain(self) -> None:
        self._name = chain_name(self._server_id, secrets.token_urlsafe(16))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._is_closed = False
        self.chains = [CallChain.create(self._name, None, self._thread)]

    def _begin_own_chain(self) -> None:
        """Begin a chain of this process: the first one is that of the process that has loaded the app."""
        early, is_first = self.current.buffer, not self._is_closed
        self._begin_chain()
        if is_first:
            early.store(early.seal())
            for event in early.events():
                self.current.buffer.append(event)

    def _begin(self, members: EncodedMembers) -> int:
        self._calls = number = self._calls + 1
        self._append(EventKind.CALL_BEGUN, {**members, "call": f'"call":{number}'}, number)
        return number

    def _append(self, kind: EventKind, members: EncodedMembers, call: int = 0) -> None:
        now_ms = self._last_ms = max(self._last_ms, int(self._clock() * 1000))
        buffer = self.current.buffer
        if self._heads and now_ms - self._witnessed_ms >= WITNESS_MS:
            self._witnessed_ms = now_ms
            buffer.append(self._witness())
        if self._omissions.pending and buffer.bytes < self._limits.max_bytes:
            members_of_gap = {"events": self._omissions.take()}
            buffer.append(Event(kind=EventKind.GAP, time_ms=now_ms, members=members_of_gap))
        buffer.append(EncodedEvent(kind=kind, time_ms=now_ms, call=call, members=members))

    def _witness(self) -> Event:
        heads = [head.to_json() for head in self._heads.values()]
        return Event(kind=EventKind.WITNESS, time_ms=self._last_ms, members={"heads": heads})

    def _has_room(self, events: int) -> bool:
        if self.buffered_bytes < self._limits.max_bytes:
            return True
        if self._limits.refuses:
            raise journal_unavailable("DOORWARD_JOURNAL_BUFFER_BYTES are not delivered yet")
        self._omissions.add(events)
        return False

    def _stored(self) -> asyncio.Future[None]:
        """Return what is set when all events up to now are stored."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(stored)
        self._wake.set()
        return stored

    def _store_soon(self) -> None:
        """Store what nobody waits for, with the next calls or else within `LATER_S`."""
        if self._later is None and self.current.is_durable:
            self._later = asyncio.get_running_loop().call_later(LATER_S, self._wake.set)

    async def _store(self) -> NoReturn:
        loop, earliest = asyncio.get_running_loop(), 0.0
        while True:
            await self._wake.wait()
            if (delay := earliest - loop.time()) > 0:
                await asyncio.sleep(delay)
            self._wake.clear()
            if self._later is not None:
                self._later.cancel()
                self._later = None
            waiting, self._waiting = self._waiting, []
            _end(waiting, await self._commit())
            earliest = loop.time() + pause_s(len(waiting))

    async def _commit(self) -> OSError | None:
        try:
            await self.current.commit()
        except Exception as error:  # noqa: BLE001 -- whatever the disk has, the next calls must be tried
            _log.error("the journal of calls was not written", reason=str(error))
            return OSError(str(error))
        if self.waiting >= 100:
            self.has_much.set()
        return None

    def _open(self) -> None:
        directory = self._limits.directory
        if directory is None:
            _log.warning(
                "calls are recorded in memory until the authorization server has them: a crash loses what "
                "is not delivered, usually a second; set DOORWARD_JOURNAL_DIRECTORY"
            )
            return
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        left = [self._adopt(path) for path in sorted(directory.glob(f"*{SUFFIX}"))]
        new = CallChain.create(self._name, directory, self._thread)
        self.chains = [*(chain for chain in left if chain), new]

    def _adopt(self, path: Path) -> CallChain | None:
        """Take over the events of a process that has ended."""
        try:
            adopted = BufferFile.adopt(path)
        except ValueError:
            _log.error("a file of the journal cannot be read, and its events are lost", file=str(path))
            return None
        if adopted is None:
            return None
        file, contents = adopted
        for head in (*contents.heads, contents.head):
            self.keep_head(head)
        buffer = ChainBuffer(contents.head.writer, contents)
        for number in sorted(contents.open_calls):
            event = Event(kind=EventKind.CALL_UNKNOWN, time_ms=self._now_ms(), members={"call": number})
            buffer.append(event)
        if contents.open_calls:
            _log.warning(
                "the outcome of calls before the last stop is unknown", calls=len(contents.open_calls)
            )
        return CallChain(buffer, file, self._thread)

    async def _close(self) -> None:
        for chain in self.chains:
            with suppress(OSError):
                await chain.commit()
                # A file without events names the heads, until the next process has delivered its own.
                await chain.close(self.heads, remove=False)
        self._thread.shutdown(wait=False)
        self._is_closed = True

    def _now_ms(self) -> int:
        self._last_ms = max(self._last_ms, int(self._clock() * 1000))
        return self._last_ms


def pause_s(calls: int) -> float:
    """Return how long the next write is delayed after one that `calls` calls waited for, in seconds."""
    return min(GROUP_S, GROUP_S_PER_CALL * calls)


def no_journal(clock: Clock) -> CallJournal:
    """Return a journal that records nothing."""
    return CallJournal("none", clock, JournalLimits(max_bytes=0, refuses=False))


def _end(waiting: Sequence[asyncio.Future[None]], error: OSError | None) -> None:
    for stored in waiting:
        if stored.done():
            continue  # the request was cancelled
        if error is None:
            stored.set_result(None)
        else:
            stored.set_exception(error)
