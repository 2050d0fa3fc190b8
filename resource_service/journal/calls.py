"""Counts calls of tools in memory, within bounds, until they are reported."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Protocol

from resource_service.principal import Principal
from shared.call_events import OTHERS, CallBatch, CallEvent, Outcome, countable, first_events
from shared.clock import Clock

MAX_COUNTERS = 10_000
"""Counters in memory; further calls are only counted as a gap."""
MAX_TOOLS = 50
"""Counters of one grant between two reports; its further tools are counted together."""

Counter = tuple[str, str, Outcome]
"""Resource, tool and outcome."""


class Journal(Protocol):
    """Records what principals do."""

    def record_call(self, principal: Principal, resource: str, tool: str, outcome: Outcome) -> None:
        """Record one call of a tool."""
        ...


class NoJournal:
    """Records nothing."""

    def record_call(self, principal: Principal, resource: str, tool: str, outcome: Outcome) -> None:
        """Do nothing."""


NO_JOURNAL = NoJournal()


class CallCounts:
    """A journal that counts calls by grant, resource, tool and outcome."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: dict[str, dict[Counter, int]] = {}
        self._counters = 0
        self._gap = 0

    def record_call(self, principal: Principal, resource: str, tool: str, outcome: Outcome) -> None:
        """Count one call."""
        if principal.grant_id is None:
            return
        key = (resource, tool, outcome)
        counts = self._counts.get(principal.grant_id)
        if counts is not None and key in counts:
            counts[key] += 1
        else:
            self._begin(principal.grant_id, key)

    def _begin(self, grant_id: str, key: Counter) -> None:
        counts = self._counts.get(grant_id, {})
        resource, tool, outcome = key
        key = (resource, countable(tool) if len(counts) < MAX_TOOLS else OTHERS, outcome)
        if key not in counts:
            if self._counters >= MAX_COUNTERS:
                self._gap += 1
                return
            self._counters += 1
        counts[key] = counts.get(key, 0) + 1
        self._counts[grant_id] = counts

    def take(self) -> CallBatch | None:
        """Return the next batch, and forget what is in it; None if there is nothing to report."""
        if not self._counts and not self._gap:
            return None
        now = int(self._clock())
        events = first_events(
            CallEvent(time=now, grant_id=grant_id, resource=resource, tool=tool, outcome=outcome, count=count)
            for grant_id, (resource, tool, outcome), count in self._listed()
        )
        self._remove(events)
        gap, self._gap = self._gap, 0
        return CallBatch(batch_id=secrets.token_urlsafe(16), events=events, gap=gap)

    def add_gap(self, batch: CallBatch) -> None:
        """Note that the calls of a batch, and its gap, were not counted."""
        self._gap += batch.gap + sum(event.count for event in batch.events)

    def _listed(self) -> Iterable[tuple[str, Counter, int]]:
        for grant_id, counts in self._counts.items():
            for key, count in counts.items():
                yield grant_id, key, count

    def _remove(self, events: Iterable[CallEvent]) -> None:
        for event in events:
            counts = self._counts[event.grant_id]
            del counts[event.resource, event.tool, event.outcome]
            self._counters -= 1
            if not counts:
                del self._counts[event.grant_id]
