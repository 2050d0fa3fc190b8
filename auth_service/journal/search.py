"""Searches the journal, newest events first, within a limit of events for each request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from auth_service.journal.call_outcomes import CallOutcomes, readable
from auth_service.journal.newest_first import NEWEST, Place, before_time, entries_of, newest_first
from auth_service.journal.query import JournalQuery
from auth_service.journal.reader import JournalReader
from auth_service.storage import keys
from shared.journal.event import EventKind
from shared.journal.outcomes import CALL
from shared.storage.interface import Position, Store

MAX_READ = 20_000
"""Entries that one page reads at most; the next page continues behind them."""
_LATE_MS = 600_000
"""How much later than it happened an event can be written, such as while the store is away."""


@dataclass(frozen=True, kw_only=True)
class JournalPage:
    """The events of one page, newest first.

    Attributes:
        events: each with its `chain` and its `id`, which is its place.
        after: the place behind which the next page begins; None if nothing older is left.
    """

    events: Sequence[dict[str, Any]]
    after: Place | None


class JournalSearch:
    """The way to read the journal for commands, the console, the admin API and people.

    Args:
        max_read: entries that one page reads at most.
    """

    def __init__(self, store: Store, *, max_read: int = MAX_READ) -> None:
        self._store = store
        self._reader = JournalReader(store)
        self._max_read = max_read

    async def page(self, query: JournalQuery, *, after: Place | None = None, limit: int) -> JournalPage:
        """Return the newest matching events, calls with their outcome.

        Args:
            after: `JournalPage.after` of the page before.
            limit: the maximum number of events.

        Raises:
            StoreUnavailableError: the store does not respond.
        """
        return await _Pass(self._store, query, limit, self._max_read).read(
            await self._reader.writers(), after or _beginning(query)
        )

    async def event(self, place: Place) -> dict[str, Any] | None:
        """Return the event with that id, a call with its outcome; None if there is none (any longer).

        Raises:
            StoreUnavailableError: the store does not respond.
        """
        start = Position(place.time_ms, max(0, place.sequence - 1))
        writes = await self._store.log_read(keys.journal(place.chain), after=start, limit=1)
        for position, lines in writes:
            for other, entry in entries_of(place.chain, position, lines):
                event = readable(entry) if other == place else None
                if event is not None:
                    return await self._joined(place, event)
        return None

    async def _joined(self, place: Place, event: dict[str, Any]) -> dict[str, Any]:
        if event["kind"] == EventKind.CALL_BEGUN:
            outcomes = CallOutcomes(self._store, await self._reader.writers(), place)
            event = await outcomes.joined(place.chain, event)
        return _identified(place, event)


class _Pass:
    """The reading of one page."""

    def __init__(self, store: Store, query: JournalQuery, limit: int, max_read: int) -> None:
        self._store = store
        self._query = query
        self._limit = limit
        self._left = max_read
        self._joins = query.members.get("kind", CALL) == CALL

    async def read(self, chains: list[str], before: Place) -> JournalPage:
        outcomes = CallOutcomes(self._store, chains, before)
        events: list[dict[str, Any]] = []
        last = before
        async for place, entry in newest_first(self._store, chains, before):
            if place.time_ms < self._query.since_ms:
                break
            if self._left <= 0:
                return JournalPage(events=events, after=last)
            self._left -= 1
            event = await self._event(place, entry, outcomes)
            if event is not None and len(events) == self._limit:
                return JournalPage(events=events, after=last)
            if event is not None:
                events.append(event)
            last = place
        return JournalPage(events=events, after=None)

    async def _event(self, place: Place, entry: bytes, outcomes: CallOutcomes) -> dict[str, Any] | None:
        if self._joins and outcomes.note(place.chain, entry):
            return None
        event = readable(entry) if self._query.may_match(entry) else None
        if event is None or not self._query.matches(event):
            return None
        if self._joins and event["kind"] == EventKind.CALL_BEGUN:
            event = await outcomes.joined(place.chain, event)
        return _identified(place, event) if self._query.has_outcome(event) else None


def _beginning(query: JournalQuery) -> Place:
    return NEWEST if query.until_ms is None else before_time(query.until_ms + _LATE_MS)


def _identified(place: Place, event: dict[str, Any]) -> dict[str, Any]:
    return {"chain": place.chain, **event, "id": place.to_text()}


async def matching_events(reader: JournalReader, query: JournalQuery) -> AsyncIterator[dict[str, Any]]:
    """Iterate over all matching events, one chain after the other, each with the name of its `chain`.

    Entries that cannot be read are passed over; a verification names them.
    """
    after = Position(max(0, query.since_ms - 1), 0)
    for writer in await reader.writers():
        async for _, entries in reader.written(writer, after=after):
            for entry in entries:
                event = readable(entry)
                if event is not None and query.matches(event):
                    yield {"chain": writer, **event}


async def newest_events(
    store: Store, query: JournalQuery, limit: int, after: Place | None = None
) -> tuple[list[dict[str, Any]], Place | None]:
    """Return the newest matching events, oldest first, and the place behind which older ones are.

    However far back they are: page after page.
    """
    search = JournalSearch(store)
    page = await search.page(query, after=after, limit=limit)
    events = [*page.events]
    while page.after is not None and len(events) < limit:
        page = await search.page(query, after=page.after, limit=limit - len(events))
        events += page.events
    return events[::-1], page.after
