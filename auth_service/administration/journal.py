"""Reading the journal, which is an event itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from auth_service.administration.actors import Actor
from auth_service.journal.newest_first import Place
from auth_service.journal.query import JournalQuery
from auth_service.journal.search import JournalPage, JournalSearch
from auth_service.journal.stories import Stories, Story
from auth_service.users.repository import UserRepository
from shared.journal.event import EventKind


@dataclass(frozen=True, kw_only=True)
class JournalAdministration:
    """Reads the journal for administrators."""

    search: JournalSearch
    stories: Stories
    users: UserRepository

    async def page(
        self, actor: Actor, query: JournalQuery, *, after: Place | None = None, limit: int
    ) -> JournalPage:
        """Return a page of the matching events; see `JournalSearch.page`.

        Raises:
            StoreUnavailableError: the store does not respond.
        """
        await record_reading(actor, query=query.to_json() or None)
        return await self.search.page(query, after=after, limit=limit)

    async def story(self, actor: Actor, place: Place) -> Story | None:
        """Return an event with those around it; see `Stories.of`.

        Raises:
            StoreUnavailableError: the store does not respond.
        """
        await record_reading(actor, query={"id": place.to_text()})
        return await self.stories.of(place)

    async def names(self, events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
        """Return the usernames of the people in events, by subject; a deleted account has none."""
        return await names_of(self.users, events)


async def names_of(users: UserRepository, events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the usernames of the people in events, by subject."""
    names = {}
    for subject in {event["subject"] for event in events if _is_name(event.get("subject"))}:
        if user := await users.by_subject(subject):
            names[subject] = user.username
    return names


async def record_reading(actor: Actor, **about: object) -> None:
    """Record that somebody is about to read the journal.

    Raises:
        StoreUnavailableError: the event may not be stored, so nothing must be read.
    """
    await actor.journal.record(EventKind.READ, **actor.members(), **about)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != "" and value.isprintable()
