"""How many people use a client, counted without reading their grants (ID-9)."""

from __future__ import annotations

from auth_service.protocol.client import Client
from auth_service.storage import keys
from shared.storage.interface import Store

COUNTED_FOR_S = 180 * 86_400
MOST_PEOPLE = 1_000_000


class UseByPeople:
    """Counts each person once for each `client_id`.

    Not for each program: the name and software of a registered client are its own claims, and it must not be
    able to claim the use of another.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def record(self, client: Client, subject: str) -> None:
        """Record that `subject` allowed the client access."""
        if await self._store.put_once(_mark(client, subject), ttl_s=COUNTED_FOR_S):
            await self._store.count(_counter(client), ttl_s=COUNTED_FOR_S, limit=MOST_PEOPLE)

    async def people(self, client: Client) -> int:
        """Return how many people allowed the client access, within the last half year."""
        return int(await self._store.get(_counter(client)) or 0)

    async def others(self, client: Client, subject: str) -> int:
        """Return how many people other than `subject` allowed it access, within the last half year."""
        counted = await self.people(client)
        own = await self._store.get(_mark(client, subject)) is not None
        return max(0, counted - own)


def _mark(client: Client, subject: str) -> str:
    return keys.once("uses-client", client.client_id, client.instance, subject)


def _counter(client: Client) -> str:
    return keys.count("people-of-client", f"{client.client_id} {client.instance}")
