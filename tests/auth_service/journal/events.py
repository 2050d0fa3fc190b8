"""The events in the journal of a server."""

from __future__ import annotations

from typing import Any

from auth_service.journal.reader import JournalReader
from auth_service.journal.search import JournalQuery, newest_events
from shared.storage import Store
from tests.auth_service.service import AuthorizationServer


def events_of(server: AuthorizationServer, **members: str) -> list[dict[str, Any]]:
    """Return the newest events of a server that have these members."""

    async def read(store: Store) -> list[dict[str, Any]]:
        return await newest_events(JournalReader(store), JournalQuery(members=members), 1_000)

    return server.with_store(read)


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """Return the kinds of events."""
    return [event["kind"] for event in events]
