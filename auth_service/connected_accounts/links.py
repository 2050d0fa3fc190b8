"""Links for connecting an account, each for one subject, resource and client (GW-2)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from auth_service.crypto.secrets import new_id
from auth_service.current_links import CurrentLinks, current_ids
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


class ConnectLinks:
    """The links in the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._links = Collection(store, keys.connect_link, JsonCodec(ConnectLink), lambda _: LIFETIME_S)
        self._clock = clock
        self._current = CurrentLinks(
            links=self._links,
            ids=current_ids(store, keys.connect_link_of, LIFETIME_S),
            id_of=lambda link: link.link_id,
            is_live=lambda link: not link.used and clock() <= link.expires_at - SHORTEST_S,
        )

    async def get(self, link_id: str) -> ConnectLink | None:
        """Return a link that is valid, or was used; None if it has expired."""
        link = await self._links.get(link_id)
        return link if link is not None and self._clock() < link.expires_at else None

    async def link_for(self, subject: str, resource: str, client_id: str) -> ConnectLink:
        """Return the live link of a subject, resource and client; create it if there is none."""

        async def new() -> ConnectLink:
            return ConnectLink(
                link_id=new_id(),
                subject=subject,
                resource=resource,
                client_id=client_id,
                expires_at=int(self._clock()) + LIFETIME_S,
            )

        return await self._current.link_for(json.dumps([subject, resource, client_id]), new)

    async def note_used(self, link: ConnectLink) -> None:
        """Record that an account was connected by a link."""
        await self._links.update(link.link_id, lambda stored: (replace(stored, used=True), None))
