"""The room for registrations that nobody uses yet, shared fairly between the networks that register."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice

from auth_service.protocol.client import Client
from auth_service.protocol.eviction import UNKNOWN_NETWORK, UnusedClient, eviction
from auth_service.storage import keys
from auth_service.storage.interface import Store

USED_KEPT_S = 30 * 86_400
MOST_USED = 1_000_000
NETWORKS_WEIGHED = 20
"""The networks that hold most, whose earlier use is looked up."""

Delete = Callable[[str], Awaitable[bool]]


class UnusedClients:
    """Lists the unused clients, and removes the oldest of the network that holds most where there is no room.

    Args:
        delete: removes a client unless it is used by now.
        pending_ttl_s: how long a client is kept once a person is deciding about it.
    """

    def __init__(self, store: Store, delete: Delete, pending_ttl_s: int) -> None:
        self._store = store
        self._delete = delete
        self._pending_ttl_s = pending_ttl_s
        self._evicting = asyncio.Lock()

    async def add(self, client: Client, *, ttl_s: int | None, limit: int) -> bool:
        """List an unused client; False where there is no room, and none can be made."""
        entry = entry_of(client)
        if await self._fits(entry, ttl_s, limit):
            return True
        # One at a time: each looks at the whole list.
        async with self._evicting:
            if await self._fits(entry, ttl_s, limit):
                return True
            return await self._make_room(entry.network, limit) and await self._fits(entry, ttl_s, limit)

    async def remove(self, client: Client) -> None:
        """Take a client off the list."""
        await self._store.index_remove(keys.unused_clients(), entry_of(client).text())

    async def note_pending(self, client: Client) -> None:
        """Keep a client from being removed while a person may be deciding about it."""
        # Twice as long as a request may wait: the mark is not renewed by a second one.
        if client.unused:
            await self._store.put_once(keys.once("deciding", client.client_id), ttl_s=2 * self._pending_ttl_s)

    async def note_use(self, client: Client) -> None:
        """Count a registration that came to be used for its network, and take it off the list."""
        network = entry_of(client).network
        key = keys.count("used-registrations", network)
        await self._store.count(key, ttl_s=USED_KEPT_S, limit=MOST_USED)
        await self.remove(client)

    async def used_by(self, network: str) -> int:
        """How many registrations of a network came to be used within `USED_KEPT_S`."""
        count = await self._store.get(keys.count("used-registrations", network))
        return int(count) if count else 0

    async def _fits(self, entry: UnusedClient, ttl_s: int | None, limit: int) -> bool:
        index = keys.unused_clients()
        return await self._store.index_add_within(index, entry.text(), ttl_s=ttl_s, limit=limit)

    async def _make_room(self, newcomer: str, limit: int) -> bool:
        listed = await self._store.index_list(keys.unused_clients())
        unused = [UnusedClient.parse(text) for text in listed]
        used = await self._used(unused, newcomer)
        candidates, count = eviction(unused, newcomer, used, most=max(1, limit // 100))
        removed = 0
        for entry in candidates:
            if removed == count:
                break
            removed += await self._evict(entry)
        return removed > 0

    async def _used(self, unused: list[UnusedClient], newcomer: str) -> dict[str, int]:
        networks = {newcomer, *_largest(unused)}
        return {network: await self.used_by(network) for network in networks}

    async def _evict(self, entry: UnusedClient) -> bool:
        if await self._store.get(keys.once("deciding", entry.client_id)) is not None:
            return False
        for member in (entry.text(), entry.client_id):  # as it is listed now, and was by earlier releases
            await self._store.index_remove(keys.unused_clients(), member)
        await self._delete(entry.client_id)
        return True


def entry_of(client: Client) -> UnusedClient:
    """The client as it is listed."""
    return UnusedClient(client.created_at, client.registered_from or UNKNOWN_NETWORK, client.client_id)


def _largest(unused: list[UnusedClient]) -> list[str]:
    held: dict[str, int] = {}
    for entry in unused:
        held[entry.network] = held.get(entry.network, 0) + 1
    return list(islice(sorted(held, key=lambda network: -held[network]), NETWORKS_WEIGHED))
