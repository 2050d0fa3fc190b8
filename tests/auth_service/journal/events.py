"""The events in the journal of a server."""

from __future__ import annotations

from typing import Any

from auth_service.journal.query import JournalQuery
from auth_service.journal.search import newest_events
from shared.storage import Store
from tests.auth_service.service import AuthorizationServer


def events_of(server: AuthorizationServer, **members: str) -> list[dict[str, Any]]:
    """Return the newest events of a server that have these members."""

    async def read(store: Store) -> list[dict[str, Any]]:
        events, _ = await newest_events(store, JournalQuery(members=members), 1_000)
        return events

    return server.with_store(read)


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """Return the kinds of events."""
    return [event["kind"] for event in events]
