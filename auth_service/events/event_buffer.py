"""The last events seen by this process, in order, and the positions of receivers among them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from auth_service.protocol.errors import UnknownPositionError
from auth_service.protocol.reasons import Reason
from shared.security_events import SecurityEvent

SIZE = 4_096


class Batch(NamedTuple):
    """Events to deliver, and whether more are available."""

    events: list[SecurityEvent]
    more: bool


class EventBuffer:
    """A bounded, ordered buffer of events; a position is the number of the next event to deliver."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._events: deque[SecurityEvent] = deque()
        self._positions: dict[str, int] = {}
        self._begin = 0

    @property
    def end(self) -> int:
        """The position of the next event to be added."""
        return self._begin + len(self._events)

    def add(self, event: SecurityEvent) -> None:
        """Add `event`, and drop the oldest event if the buffer is full."""
        self._positions[event.jti] = self.end
        self._events.append(event)
        if len(self._events) > self._size:
            del self._positions[self._events.popleft().jti]
            self._begin += 1

    def break_off(self) -> None:
        """Drop everything: events may have been missed, so earlier positions are no longer valid."""
        self._begin = self.end + 1
        self._events.clear()
        self._positions.clear()

    def after(self, jtis: Iterable[str]) -> int | None:
        """Return the position after the newest of these events in the buffer; None if it has none."""
        positions = [self._positions[jti] for jti in jtis if jti in self._positions]
        return max(positions) + 1 if positions else None

    def batch(self, position: int, at_most: int) -> Batch:
        """Return up to `at_most` events from `position` on.

        Raises:
            UnknownPositionError: some of these events have been dropped.
        """
        if position < self._begin:
            raise UnknownPositionError(
                Reason.EVENTS_MISSED, "events after this position may have been missed; start again"
            )
        skipped = position - self._begin
        events = list(islice(self._events, skipped, skipped + at_most))
        return Batch(events, position + len(events) < self.end)
