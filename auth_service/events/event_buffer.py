"""The last events that this process has seen, in order, and where in them a receiver is."""

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
    """Events to hand out, and whether there are more."""

    events: list[SecurityEvent]
    more: bool


class EventBuffer:
    """Positions count the events: a position is that of the next event to hand out."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._events: deque[SecurityEvent] = deque()
        self._positions: dict[str, int] = {}
        self._begin = 0

    @property
    def end(self) -> int:
        """The position of the event that comes next."""
        return self._begin + len(self._events)

    def add(self, event: SecurityEvent) -> None:
        """Remember `event`, and forget the oldest where there are too many."""
        self._positions[event.jti] = self.end
        self._events.append(event)
        if len(self._events) > self._size:
            del self._positions[self._events.popleft().jti]
            self._begin += 1

    def break_off(self) -> None:
        """Forget everything: events may have been missed, so no position from before is good any more."""
        self._begin = self.end + 1
        self._events.clear()
        self._positions.clear()

    def after(self, jtis: Iterable[str]) -> int | None:
        """The position after the newest of these events that is remembered; None if none is."""
        positions = [self._positions[jti] for jti in jtis if jti in self._positions]
        return max(positions) + 1 if positions else None

    def batch(self, position: int, at_most: int) -> Batch:
        """The events from `position` on.

        Raises:
            UnknownPositionError: some of them are forgotten.
        """
        if position < self._begin:
            raise UnknownPositionError(
                Reason.EVENTS_MISSED, "events after that one may have been missed; start again"
            )
        skipped = position - self._begin
        events = list(islice(self._events, skipped, skipped + at_most))
        return Batch(events, position + len(events) < self.end)
