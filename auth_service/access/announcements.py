"""Announces to resource servers that the permissions of tokens may have changed (ID-4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from auth_service.events.publisher import RevocationPublisher
from auth_service.protocol.access import ALL
from auth_service.storage import keys
from auth_service.users.repository import UserRepository
from shared.clock import Clock
from shared.storage.interface import Store

MAX_GRANTS = 200
"""For a person with more grants, one event about everybody is sent instead of many."""


class AccessChangePublisher:
    """Announces the grants that a change may affect."""

    def __init__(self, store: Store, users: UserRepository, clock: Clock) -> None:
        self._store = store
        self._users = users
        self._publisher = RevocationPublisher(store, clock)

    async def everybody(self) -> None:
        """Announce that any token may be affected."""
        await self._publisher.changed(None)

    async def subject(self, subject: str) -> None:
        """Announce that the grants of one person may be affected."""
        grant_ids = await self._store.index_list(keys.subject_grants(subject))
        if len(grant_ids) > MAX_GRANTS:
            await self.everybody()
            return
        for grant_id in grant_ids:
            await self._publisher.changed(grant_id)

    @asynccontextmanager
    async def around(self, subject: str) -> AsyncIterator[None]:
        """Announce a change of what one person may hold, before it and after it.

        Before the write, because this process may die after it; and after it, because what resource servers
        ask in between is answered as before.
        """
        await self.subject(subject)
        yield
        await self.subject(subject)

    async def person(self, name: str) -> None:
        """Announce that the person with that name may be affected (see `access_document.person_name`)."""
        kind, colon, rest = name.partition(":")
        if kind == "subject" and colon:
            await self.subject(rest)
        elif name == ALL or colon:
            await self.everybody()
        else:
            find = self._users.by_email if "@" in name else self._users.get
            user = await find(name)
            if user is not None:
                await self.subject(user.subject)
