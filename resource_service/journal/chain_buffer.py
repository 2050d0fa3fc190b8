"""The entries of one chain that are not delivered yet, in memory. Without a clock, tasks or files."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain as chained
from typing import Any

from resource_service.journal.frames import MAX_FRAME_BYTES, Beginning, Contents, Frame
from shared.journal.chain import Chain, Head, read_entry
from shared.journal.event import EncodedEvent, Event, EventKind, kind_of

_OF_ENTRIES = frozenset({"kind", "time_ms", "sequence", "previous"})


class ChainBuffer:
    """Adds entries, which are sealed into frames, stored, delivered and forgotten.

    Args:
        contents: of the file of a process that has ended; its chain goes on.
    """

    def __init__(self, writer: str, contents: Contents | None = None) -> None:
        self._chain = Chain(writer)
        self._frames: deque[Frame] = deque()
        self._entries: list[bytes] = []
        self._begun: list[int] = []
        self._ended: list[int] = []
        self._delivered, self._open = self._chain.head, set[int]()
        self._sealed: list[Frame] = []
        self._size = self.bytes = self._latest_ms = 0
        if contents is not None:
            self._chain.head, self._delivered = contents.head, contents.beginning.head
            self._open.update(contents.beginning.open_calls)
            self.store(contents.frames)
            self.bytes = sum(len(frame.lines) for frame in contents.frames)
            if contents.frames:
                self._latest_ms = read_entry(contents.frames[-1].lines.rpartition(b"\n")[2])["time_ms"]

    @property
    def head(self) -> Head:
        """The last entry."""
        return self._chain.head

    @property
    def delivered_head(self) -> Head:
        """The last entry that was delivered."""
        return self._delivered

    @property
    def undelivered(self) -> int:
        """How many entries are not delivered."""
        return self.head.sequence - self._delivered.sequence

    def open(self, time_ms: int) -> None:
        """Add the first entry."""
        self._add(self._chain.append(Event(kind=EventKind.OPENED, time_ms=time_ms)))

    def append_each(self, events: Iterable[Event]) -> None:
        """Add events to a new chain, each in a frame of its own."""
        for event in events:
            if not self.head.sequence:
                self.open(event.time_ms)
            self._sealed.append(self._seal())
            self.append(event)

    def append(self, event: Event | EncodedEvent) -> None:
        """Add an entry, with the time of the one before if the clock was set back."""
        if event.time_ms < self._latest_ms:
            event = replace(event, time_ms=self._latest_ms)
        self._latest_ms = event.time_ms
        if not self.head.sequence:
            self.open(event.time_ms)
        self._add(self._chain.append(event))
        if event.kind is EventKind.CALL_BEGUN:
            self._begun.append(event.call)
        elif event.kind in (EventKind.CALL_COMPLETED, EventKind.CALL_UNKNOWN):
            self._ended.append(event.call)
        if self._size >= MAX_FRAME_BYTES:
            self._sealed.append(self._seal())

    def seal(self) -> list[Frame]:
        """Return the frames with what was added since the last call."""
        if self._entries:
            self._sealed.append(self._seal())
        sealed, self._sealed = self._sealed, []
        return sealed

    def store(self, frames: Iterable[Frame]) -> None:
        """Note that frames are stored, and can be delivered."""
        self._frames.extend(frames)

    def deliverable(self, max_bytes: int) -> list[Frame]:
        """Return the first stored frames, at most so many bytes, but at least one."""
        taken: list[Frame] = []
        size = 0
        for frame in self._frames:
            size += len(frame.lines) + 2
            if taken and size > max_bytes:
                break
            taken.append(frame)
        return taken

    def deliver(self, through: int) -> None:
        """Forget the frames up to an entry, which the authorization server has stored."""
        while self._frames and self._frames[0].last.sequence <= through:
            frame = self._frames.popleft()
            self.bytes -= len(frame.lines)
            self._open.update(frame.begun)
            self._open.difference_update(frame.ended)
            self._delivered = frame.last

    def beginning(self, heads: Iterable[Head]) -> Beginning:
        """Return the state before the first frame that is not delivered."""
        return Beginning(head=self._delivered, open_calls=frozenset(self._open), heads=tuple(heads))

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The stored frames that are not delivered."""
        return tuple(self._frames)

    def events(self) -> Iterator[Event]:
        """Iterate over all events that are not delivered, for another chain."""
        for line in chained.from_iterable(frame.lines.split(b"\n") for frame in self._frames):
            entry = read_entry(line)
            members: dict[str, Any] = {name: entry[name] for name in entry.keys() - _OF_ENTRIES}
            if entry["kind"] != EventKind.OPENED:
                yield Event(kind=kind_of(entry["kind"]), time_ms=entry["time_ms"], members=members)

    def _add(self, entry: bytes) -> None:
        self._entries.append(entry)
        self._size += len(entry)
        self.bytes += len(entry) + 1

    def _seal(self) -> Frame:
        frame = Frame(b"\n".join(self._entries), self.head, tuple(self._begun), tuple(self._ended))
        self.bytes -= 1  # no line end after the last entry
        self._entries, self._begun, self._ended, self._size = [], [], [], 0
        return frame
