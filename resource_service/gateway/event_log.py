"""Streams of undelivered events from a process: bounded, and retained for a while for resumption.

One client at a time reads a stream. While a stream has a reader, none of its events are dropped: a slow
reader slows the process down, up to `PATIENCE_S`. Events without a reader are retained while there is room.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from resource_service.notifier import Notifier

KEPT_BYTES = 1024 * 1024
KEPT_EVENTS = 1_000
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Event:
    """A message for the client.

    Attributes:
        number: a counter across all streams of a process.
        status: the HTTP status, if the message is the whole response.
        last: whether it is the last event of its stream.
    """

    number: int
    data: bytes
    status: int
    last: bool


@dataclass(slots=True, eq=False, kw_only=True)
class Stream:
    """The events for one HTTP request.

    Attributes:
        taken: the number of the last event that was delivered.
        lost: the number of the last event that was dropped before delivery.
        turn: the current reader, or None.
        closed: whether no more events will be added.
        heard_at: when the last event was added, or the stream opened; by the monotonic clock.
    """

    name: str
    events: deque[Event] = field(default_factory=deque)
    taken: int = 0
    lost: int = 0
    turn: object | None = None
    closed: bool = False
    changed: Notifier = field(default_factory=Notifier)
    heard_at: float = field(default_factory=time.monotonic)

    @property
    def held_back(self) -> bool:
        """Whether the oldest event is still being delivered."""
        return self.turn is not None and bool(self.events) and self.events[0].number > self.taken


class Reading:
    """One client's reading of a stream, starting after event `after`; it replaces any earlier reader."""

    def __init__(self, stream: Stream, *, after: int) -> None:
        self.stream = stream
        self.after = after
        stream.turn = self
        stream.taken = min(stream.taken, after)
        stream.changed.send()

    async def next(self) -> Event | None:
        """Wait for the next event and return it, or None if there will be none.

        The call confirms that the previous event was delivered.
        """
        stream = self.stream
        while stream.turn is self:
            stream.taken = max(stream.taken, self.after)
            stream.changed.send()
            if event := self._following():
                self.after = event.number
                return event
            if stream.closed:
                break
            await stream.changed.wait()
        return None

    def _following(self) -> Event | None:
        following = None
        for event in reversed(self.stream.events):  # near the end, unless the client is far behind
            if event.number <= self.after:
                break
            following = event
        return following

    def stop(self) -> None:
        """Release the stream; the last returned event counts as not delivered."""
        if self.stream.turn is self:
            self.stream.turn = None
            self.stream.changed.send()


class EventLog:
    """The streams of one process.

    Args:
        kept_bytes: the total size of events that are delivered or have no reader; `kept_events` is their
            number.
        patience_s: how long a slow reader may hold up the others.
    """

    def __init__(
        self,
        *,
        kept_bytes: int = KEPT_BYTES,
        kept_events: int = KEPT_EVENTS,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._kept_bytes = kept_bytes
        self._kept_events = kept_events
        self._patience_s = patience_s
        self._streams: dict[str, Stream] = {}
        self._order: deque[Stream] = deque()
        self._bytes = 0
        self._number = 0

    def open(self, name: str) -> Stream:
        """Open a new stream."""
        stream = Stream(name=name)
        self._streams[name] = stream
        return stream

    def stream(self, name: str) -> Stream | None:
        """Return a stream that is open or still has retained events."""
        return self._streams.get(name)

    async def put(self, stream: Stream, data: bytes, *, status: int = 200, last: bool = False) -> None:
        """Add an event to `stream`, waiting for room."""
        while self._order and self._is_full(len(data)):
            oldest = self._order[0]
            if oldest.held_back:
                await self._wait_for(oldest)
            else:
                self._drop_from(oldest)
        self.add(stream, data, status=status, last=last)

    def add(self, stream: Stream, data: bytes, *, status: int = 200, last: bool = False) -> None:
        """Add an event to `stream`, regardless of room."""
        self._number += 1
        stream.events.append(Event(self._number, data, status, last))
        self._order.append(stream)
        stream.heard_at = time.monotonic()
        self._bytes += len(data)
        if last:
            stream.closed = True
        stream.changed.send()

    def close(self) -> None:
        """Close all streams: no more events will come."""
        for stream in self._streams.values():
            stream.closed = True
            stream.changed.send()

    def discard(self, stream: Stream) -> None:
        """Discard `stream`, which will never be read."""
        stream.closed = True
        stream.turn = None
        stream.changed.send()
        if not stream.events:
            self._streams.pop(stream.name, None)

    def _is_full(self, more_bytes: int) -> bool:
        return self._bytes + more_bytes > self._kept_bytes or len(self._order) >= self._kept_events

    async def _wait_for(self, stream: Stream) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                while stream.held_back:
                    await stream.changed.wait()
        except TimeoutError:
            stream.turn = None  # this ends its reader; missed events can be resumed while they are retained
            stream.changed.send()

    def _drop_from(self, stream: Stream) -> None:
        self._order.popleft()
        event = stream.events.popleft()
        self._bytes -= len(event.data)
        if event.number > stream.taken:
            stream.lost = event.number
        if stream.closed and not stream.events:
            self._streams.pop(stream.name, None)
