"""The grants in a store: opened, changed by the pure rules, revoked.

No grant ends unannounced: every change goes through `Grants.change`, which tells of those that end one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from auth_service.protocol import grant as rules
from auth_service.protocol.grant import Grant
from auth_service.revocations.announcements import Announcements
from auth_service.storage import keys
from auth_service.storage.documents import Collection
from auth_service.storage.interface import Store, StoreFullError
from auth_service.storage.json_codec import JsonCodec
from shared.clock import Clock

R = TypeVar("R")

TOLD_AGAIN_AFTER_S = 20
"""An attempt to write that is overtaken is not announced anew before: receivers heed a word for a minute."""


class Grants:
    """One document for each grant, listed for its subject and its client."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._announcements = Announcements(store, clock)
        self._grants = Collection(store, keys.grant, JsonCodec(Grant), self._remaining)

    def _remaining(self, grant: Grant) -> int:
        return max(1, grant.kept_until - int(self._clock()))

    async def open(self, grant: Grant) -> None:
        """Keep a new grant, listed before it exists: a revocation must never miss one that works."""
        listed_s = max(1, grant.expires_at - int(self._clock()))
        await self._store.index_add(keys.client_grants(grant.client_id), grant.grant_id, ttl_s=listed_s)
        if grant.subject:
            await self._store.index_add(keys.subject_grants(grant.subject), grant.grant_id, ttl_s=listed_s)
        await self._grants.create(grant.grant_id, grant)

    async def get(self, grant_id: str) -> Grant | None:
        """The grant of that id, if it is kept still."""
        return await self._grants.get(grant_id)

    async def change(self, grant_id: str, rule: Callable[[Grant], tuple[Grant | None, R]]) -> R | None:
        """Apply a pure rule, atomically; None where there is no such grant.

        A change that revokes the grant is announced before it is written, for this process may die in
        between, and once more after, for whoever begins to listen in between.

        Raises:
            StoreUnavailableError: also where it cannot be announced; nothing is written then.
        """
        ended: Grant | None = None
        told_at = 0.0
        decided: list[tuple[Grant | None, R]] = []

        def noted(grant: Grant) -> tuple[Grant | None, R]:
            decided.append(rule(grant))
            return decided[-1]

        async def announce(grant: Grant) -> None:
            nonlocal ended, told_at
            if grant.state == "revoked" and self._clock() >= told_at + TOLD_AGAIN_AFTER_S:
                # Not each time: the longer from read to write, the more often others are faster.
                told_at = self._clock()
                await self._announcements.revoked(grant)
                ended = grant

        try:
            result = await self._grants.update(grant_id, noted, before=announce)
        except StoreFullError:
            # Removing needs no room, and a grant that is gone is refused like one that was revoked.
            if ended is None:
                raise
            await self._grants.delete(grant_id)
            result = decided[-1][1]
        if ended is not None:
            await self._announcements.revoked(ended)
        return result

    async def revoke(self, grant_id: str, reason: str = "it was revoked") -> bool:
        """Revoke a grant; says whether there was something left to revoke."""
        return bool(await self.change(grant_id, lambda grant: rules.revoke(grant, reason)))

    async def of_subject(self, subject: str) -> list[Grant]:
        """What `subject` has granted and not revoked, oldest first."""
        ids = await self._store.index_list(keys.subject_grants(subject))
        found = [await self._grants.get(grant_id) for grant_id in ids]
        live = [grant for grant in found if grant is not None and grant.state == "active"]
        return sorted(live, key=lambda grant: grant.created_at)

    async def some_of_subject(self, subject: str, most: int) -> list[Grant]:
        """Like `of_subject`, but looks at no more than `most`."""
        return await self._some(keys.subject_grants(subject), most)

    async def some_of_client(self, client_id: str, most: int) -> list[Grant]:
        """What was granted to the client and not revoked; looks at no more than `most`."""
        return await self._some(keys.client_grants(client_id), most)

    async def _some(self, index: str, most: int) -> list[Grant]:
        found = await self._grants.get_many((await self._store.index_list(index))[:most])
        return sorted((g for g in found if g.state == "active"), key=lambda grant: grant.created_at)

    async def revoke_of_subject(self, subject: str) -> None:
        """Revoke everything that `subject` has granted."""
        await self._revoke_listed(keys.subject_grants(subject), "the user was disabled")

    async def revoke_of_client(self, client_id: str) -> None:
        """Revoke everything that was granted to the client."""
        await self._revoke_listed(keys.client_grants(client_id), "the client was deleted")

    async def _revoke_listed(self, index: str, reason: str) -> None:
        for grant_id in await self._store.index_list(index):
            await self.revoke(grant_id, reason)
            await self._store.index_remove(index, grant_id)
