"""The events around one event: registration, consent, grant, calls."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from auth_service.journal.causes import causes_first
from auth_service.journal.newest_first import Place
from auth_service.journal.query import JournalQuery
from auth_service.journal.search import JournalSearch
from shared.journal.event import EventKind

MOST_OF_A_GRANT = 25
"""Events of a grant in a story: the newest. A search shows all."""
_MOST_AROUND = 10
_OPENINGS = {EventKind.GRANT_OPENED: 1, EventKind.TOKENS_ISSUED: _MOST_AROUND}
"""The kinds of the events with which a grant begins, and how many of them to read."""
_BEFORE_MS = 900_000
"""How long before a grant was opened its person can have consented."""
_AROUND_MS = 60_000
"""How far the events of one request are apart, and clocks of processes."""
_CLOCKS_MS = 300_000
"""How far the clock of a resource server can be behind."""


class Created(Protocol):
    """Something that began at a time.

    Attributes:
        created_at: seconds since 1970.
    """

    @property
    def created_at(self) -> int:
        """See the class."""
        ...


class Records(Protocol):
    """Finds grants or clients."""

    async def get(self, key: str, /) -> Created | None:
        """Return the record, or None if it does not exist any longer."""
        ...


@dataclass(frozen=True, kw_only=True)
class Story:
    """One event, and what led to it and followed from it.

    Attributes:
        events: the others.
        more: whether the grant has older events than those; a search for the grant shows them.
    """

    event: dict[str, Any]
    events: list[dict[str, Any]]
    more: bool

    @property
    def in_order(self) -> list[dict[str, Any]]:
        """All events, causes before their effects."""
        return causes_first([*self.events, self.event])


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A search that contributes to a story."""

    query: JournalQuery
    limit: int


class Stories:
    """Collects stories. Where the grant and the client still exist, their dates say where to look.

    Args:
        search: the journal.
        grants: by the ids of grants.
        clients: by client ids.
    """

    def __init__(self, search: JournalSearch, grants: Records, clients: Records) -> None:
        self._search = search
        self._grants = grants
        self._clients = clients

    async def of(self, place: Place) -> Story | None:
        """Return the story of the event with that id; None if there is none (any longer).

        Raises:
            StoreUnavailableError: the store does not respond.
        """
        event = await self._search.event(place)
        if event is None:
            return None
        parts = [*self._of_request(event), *await self._of_client(event), *await self._of_grant(event)]
        pages = await asyncio.gather(*(self._search.page(each.query, limit=each.limit) for each in parts))
        related = {each["id"]: each for page in pages for each in page.events}
        related.pop(event["id"], None)
        more = bool(parts) and "grant" in parts[-1].query.members and pages[-1].after is not None
        return Story(event=event, events=[*related.values()], more=more)

    def _of_request(self, event: Mapping[str, Any]) -> list[_Part]:
        request = event.get("request")
        if not isinstance(request, str):
            return []
        query = _around(JournalQuery(members={"request": request}), event["time_ms"])
        return [_Part(query=query, limit=_MOST_AROUND)]

    async def _of_client(self, event: Mapping[str, Any]) -> list[_Part]:
        client_id = event.get("client")
        client = await self._clients.get(client_id) if isinstance(client_id, str) else None
        if client is None or not isinstance(client_id, str):
            return []
        members = {"kind": EventKind.CLIENT_REGISTERED.value, "client": client_id}
        query = _around(JournalQuery(members=members), client.created_at * 1_000)
        return [_Part(query=query, limit=1)]

    async def _of_grant(self, event: Mapping[str, Any]) -> list[_Part]:
        grant_id, subject, client = event.get("grant"), event.get("subject"), event.get("client")
        if not isinstance(grant_id, str):
            return []
        whole = JournalQuery(members={"grant": grant_id})
        grant = await self._grants.get(grant_id)
        parts = [_Part(query=whole, limit=MOST_OF_A_GRANT)]
        if grant is None:
            return parts
        opened_ms = grant.created_at * 1_000
        # By their kinds: the first calls of a minute can be more than a page holds.
        for kind, limit in _OPENINGS.items():
            opening = replace(whole, members={**whole.members, "kind": kind.value})
            parts.insert(0, _Part(query=_around(opening, opened_ms), limit=limit))
        parts[-1] = _Part(query=replace(whole, since_ms=opened_ms - _CLOCKS_MS), limit=MOST_OF_A_GRANT)
        if isinstance(subject, str) and isinstance(client, str):
            members = {"kind": EventKind.CONSENT.value, "subject": subject, "client": client}
            consent = _around(JournalQuery(members=members), opened_ms, before_ms=_BEFORE_MS)
            parts.insert(0, _Part(query=consent, limit=1))
        return parts


def _around(query: JournalQuery, time_ms: int, before_ms: int = _AROUND_MS) -> JournalQuery:
    return replace(query, since_ms=time_ms - before_ms, until_ms=time_ms + _AROUND_MS)
