"""Finds clients that people use here under nearly the same name as another, without reading all clients."""

from __future__ import annotations

from collections.abc import AsyncIterator

from auth_service.clients.repository import ClientRepository
from auth_service.clients.use_by_people import COUNTED_FOR_S, UseByPeople
from auth_service.protocol.client import Client
from auth_service.protocol.look_alikes import skeleton
from auth_service.protocol.used_names import (
    MAX_CLIENTS,
    entry,
    is_elsewhere,
    is_nearly_same_name,
    origin,
)
from auth_service.storage import keys
from shared.storage.interface import Store


class UsedNames:
    """Lists the clients that people have allowed access, by the skeleton of their name.

    Somebody could fill the list of a name with clients of their own. So a client is only compared with those
    that more people use than itself.
    """

    def __init__(self, store: Store, clients: ClientRepository, use: UseByPeople) -> None:
        self._store = store
        self._clients = clients
        self._use = use

    async def record(self, client: Client) -> None:
        """Record that somebody has allowed the client access."""
        name = skeleton(client.name)
        if not name:
            return
        index, own = keys.used_names(name), origin(client)
        entries = [listed async for listed, _ in self._listed(index) if listed.startswith(own)]
        for listed in entries or [entry(client)]:
            await self._store.index_add_within(index, listed, ttl_s=COUNTED_FOR_S, limit=MAX_CLIENTS)

    async def similar(self, client: Client) -> Client | None:
        """Return a client with nearly the same name, elsewhere, that more people use."""
        name = skeleton(client.name)
        if not name:
            return None
        used = await self._use.people(client)
        async for _, other in self._listed(keys.used_names(name)):
            if (
                is_nearly_same_name(client, other)
                and is_elsewhere(client, other)
                and await self._use.people(other) > used
            ):
                return other
        return None

    async def _listed(self, index: str) -> AsyncIterator[tuple[str, Client]]:
        """Yield the entries with their clients; remove those whose client was deleted or renamed."""
        for listed in await self._store.index_list(index):
            client = await self._clients.get(listed.partition(".")[2])
            if client is not None and keys.used_names(skeleton(client.name)) == index:
                yield listed, client
            else:
                await self._store.index_remove(index, listed)
