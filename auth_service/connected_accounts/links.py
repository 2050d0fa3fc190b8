"""Links for connecting an account, each for one subject, resource and client (GW-2)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from auth_service.crypto.secrets import new_id
from auth_service.storage import keys
from shared.clock import Clock
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

LIFETIME_S = 600

SHORTEST_S = 60
"""A link with less time left is replaced by a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectLink:
    """A link, as it is stored.

    Attributes:
        expires_at: in seconds since 1970.
        used: whether an account was connected by it.
    """

    link_id: str
    subject: str
    resource: str
    client_id: str
    expires_at: int
    used: bool = False


@dataclass(frozen=True, slots=True)
class CurrentLink:
    """The id of the link that somebody gets, as it is stored."""

    link_id: str


class ConnectLinks:
    """The links in the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._links = Collection(store, keys.connect_link, JsonCodec(ConnectLink), lambda _: LIFETIME_S)
        self._current = Collection(store, keys.connect_link_of, JsonCodec(CurrentLink), lambda _: LIFETIME_S)
        self._clock = clock

    async def get(self, link_id: str) -> ConnectLink | None:
        """Return a link that is valid, or was used; None if it has expired."""
        link = await self._links.get(link_id)
        return link if link is not None and self._clock() < link.expires_at else None

    async def link_for(self, subject: str, resource: str, client_id: str) -> ConnectLink:
        """Return the live link of a subject, resource and client; create it if there is none."""
        owner = json.dumps([subject, resource, client_id])
        current = await self._current.get(owner)
        live = await self._live(current)
        if live is not None:
            return live
        link = ConnectLink(
            link_id=new_id(),
            subject=subject,
            resource=resource,
            client_id=client_id,
            expires_at=int(self._clock()) + LIFETIME_S,
        )
        # Before its id is stored, so that the link exists for everybody who reads the id.
        await self._links.create(link.link_id, link)
        return link if await self._is_now(owner, current, link) else await self._other(owner, link)

    async def note_used(self, link: ConnectLink) -> None:
        """Record that an account was connected by a link."""
        await self._links.update(link.link_id, lambda stored: (replace(stored, used=True), None))

    async def _live(self, current: CurrentLink | None) -> ConnectLink | None:
        link = await self._links.get(current.link_id) if current else None
        if link is None or link.used or self._clock() > link.expires_at - SHORTEST_S:
            return None
        return link

    async def _is_now(self, owner: str, earlier: CurrentLink | None, link: ConnectLink) -> bool:
        """Make `link` the one that everybody gets; return False if another one is faster."""
        document = CurrentLink(link.link_id)

        def rule(stored: CurrentLink) -> tuple[CurrentLink | None, bool]:
            return (document, True) if stored == earlier else (None, False)

        updated = await self._current.update(owner, rule)
        return await self._current.create(owner, document) if updated is None else updated

    async def _other(self, owner: str, own: ConnectLink) -> ConnectLink:
        other = await self._live(await self._current.get(owner))
        if other is None:
            return own  # as good as any: its person can use it
        await self._links.delete(own.link_id)
        return other
