"""Events that are not in the journal, counted. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import Enum, auto

from shared.journal.delivery import ALWAYS_ACCEPTED
from shared.journal.event import Event, EventKind

REFUSED_MS = 600_000
"""How long no events are recorded of a kind that the authorization server refuses: it may be upgraded."""
MAX_KINDS = 64


class Repetition(Enum):
    """The events of a chain that the one in its place repeats."""

    ALL = auto()
    EACH_ALONE = auto()
    """All, each in a write of its own, so that one can be refused without the others."""
    WITHOUT_FIRST = auto()
    NONE = auto()


class Omissions:
    """Counts what is left out.

    Attributes:
        total: since the start.
        pending: those that no event states yet.
    """

    def __init__(self) -> None:
        self.total = self.pending = 0
        self._refused: dict[str, int] = {}

    def add(self, events: int) -> None:
        """Count events that the next gap must state."""
        self.total += events
        self.pending += events

    def take(self) -> int:
        """Return how many events the next gap states."""
        pending, self.pending = self.pending, 0
        return pending

    def refuse(self, kind: str, now_ms: int) -> None:
        """Record no events of a kind for a while, if there are releases that refuse it."""
        if kind not in ALWAYS_ACCEPTED and len(self._refused) < MAX_KINDS:
            self._refused[kind] = now_ms + REFUSED_MS

    def is_refused(self, kind: str, now_ms: int) -> bool:
        """Whether an event would be refused."""
        if kind not in self._refused:
            return False
        if now_ms < self._refused[kind]:
            return True
        del self._refused[kind]
        return False

    def without_first(self, events: Iterable[Event]) -> list[Event]:
        """Return events without the first, which was refused, and without others of its kind; count those.

        Kinds that every release accepts are not refused as such, so only the first of them is left out.
        """
        first, *others = events
        of_kind = first.kind not in ALWAYS_ACCEPTED
        kept = [event for event in others if not (of_kind and event.kind == first.kind)]
        left_out = 1 + len(others) - len(kept)
        self.total += left_out
        self.refuse(first.kind, first.time_ms)
        members = {"events": left_out, "event_kind": str(first.kind)}
        return [replace(first, kind=EventKind.GAP, members=members), *kept]
