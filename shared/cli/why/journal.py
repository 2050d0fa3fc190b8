"""The journal as a source of `doorward why`: the events of a request, grant or client."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.cli.audit import recorded_reading
from shared.cli.why.entries import Entry
from shared.journal.delivery import FAMILIES

MAX_EVENTS = 200
"""The newest events of a grant or client that are shown."""
_IDS = ("request", "grant", "client")
_OF_THE_CHAIN = frozenset({"chain", "sequence", "previous", "time_ms", "kind", "id"})


def journal_entries(wanted: str) -> list[Entry]:
    """Return the events about an id as entries, oldest first. Reading them is an event itself.

    Args:
        wanted: the id of a request, else of a grant, else of a client.

    Raises:
        CommandError: the journal of this machine's settings cannot be read.
    """
    return [entry_of(event) for event in asyncio.run(_events(wanted))]


async def _events(wanted: str) -> list[dict[str, Any]]:
    from auth_service.journal.query import JournalQuery
    from auth_service.journal.search import newest_events

    queries = [JournalQuery(members={name: wanted}) for name in _IDS]
    async with recorded_reading(JournalQuery(members={"id": wanted})) as store:
        for query in queries:
            events, _ = await newest_events(store, query, MAX_EVENTS)
            if events:
                return events
    return []


def entry_of(event: Mapping[str, Any]) -> Entry:
    """Return an event as a log entry of the service that recorded it."""
    kind = str(event["kind"])
    service = "resource_service" if kind.partition(".")[0] in FAMILIES else "auth_service"
    about = {name: value for name, value in event.items() if name not in _OF_THE_CHAIN}
    fields = {**about, "event": kind, "logger": f"{service}.journal", "timestamp": _time(event["time_ms"])}
    return Entry("the journal", fields)


def _time(time_ms: int) -> str:
    try:
        time = datetime.fromtimestamp(time_ms / 1000, UTC)
    except (OSError, OverflowError, ValueError):
        return "-"  # an entry that somebody has made up
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
