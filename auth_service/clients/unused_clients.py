"""The room for registrations that nobody uses yet, shared fairly between the networks that register."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice

from auth_service.protocol.client import Client
from auth_service.protocol.eviction import UNKNOWN_NETWORK, UnusedClient, eviction
from auth_service.protocol.registration_policy import Quota
from auth_service.storage import keys
from shared.storage.interface import Store
from shared.storage.steps import AddMemberWithin, in_order

USED_KEPT_S = 30 * 86_400
MOST_USED = 1_000_000
NETWORKS_WEIGHED = 20
"""The networks that hold most, whose earlier use is looked up."""
MOST_TRIED = 100
"""The oldest registrations of a network that may turn out to be kept before the next network is tried."""

Delete = Callable[[str], Awaitable[bool]]
Attempt = Callable[[], Awaitable[bool]]


class UnusedClients:
    """Lists the unused clients, and if they are too many, removes the oldest of the network with the most.

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
        """List an unused client; return False if the list is full and nothing can be removed."""
        entry = entry_of(client)
        index = keys.unused_clients()

        async def fits() -> bool:
            return await self._store.index_add_within(index, entry.text(), ttl_s=ttl_s, limit=limit)

        return await self._added(fits, lambda: self._make_room(entry, limit))

    async def add_among_all(self, client: Client, *, ttl_s: int | None, limit: int) -> bool:
        """List a registration among all clients; return False if the list is full and nothing can be removed.

        Clients in use are never removed, so there is room only as far as they leave some.
        """
        entry = entry_of(client)
        index = keys.clients()

        async def fits() -> bool:
            return await self._store.index_add_within(index, entry.client_id, ttl_s=ttl_s, limit=limit)

        return await self._added(fits, lambda: self._make_room_among_all(entry, limit))

    async def add_to_both(self, client: Client, *, ttl_s: int | None, quota: Quota) -> bool:
        """List a registration among the unused and among all clients, if there is room in both.

        Otherwise it may be listed among the unused, as by `add`, which is safe to call then.
        """
        entry = entry_of(client)
        unused, among_all = await in_order(
            self._store,
            AddMemberWithin(keys.unused_clients(), entry.text(), ttl_s, quota.unused),
            AddMemberWithin(keys.clients(), entry.client_id, ttl_s, quota.clients),
        )
        if among_all and not unused:
            await self._store.index_remove(keys.clients(), entry.client_id)
        return bool(unused and among_all)

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

    async def _added(self, add: Attempt, make_room: Attempt) -> bool:
        if await add():
            return True
        # One at a time: each looks at the whole list.
        async with self._evicting:
            return await add() or (await make_room() and await add())

    async def _make_room(self, newcomer: UnusedClient, limit: int) -> bool:
        return await self._remove_for(newcomer, await self._list(), most=max(1, limit // 100))

    async def _make_room_among_all(self, newcomer: UnusedClient, limit: int) -> bool:
        listed = await self._list()
        unused = [client for client in listed if client.is_registered and client != newcomer]
        if not unused:
            return False
        # Clients introduced by a document join this list without a limit, once they are used.
        needed = len(await self._store.index_list(keys.clients())) - limit + 1
        if needed > len(unused):
            return False
        return await self._remove_for(newcomer, unused, most=max(1, limit // 100), needed=needed)

    async def _list(self) -> list[UnusedClient]:
        return [UnusedClient.parse(text) for text in await self._store.index_list(keys.unused_clients())]

    async def _remove_for(
        self, newcomer: UnusedClient, unused: list[UnusedClient], *, most: int, needed: int = 1
    ) -> bool:
        """Remove at least `needed` of the `unused`; False where fewer may go."""
        used = await self._used(unused, newcomer.network)
        removed = 0
        for _ in range(NETWORKS_WEIGHED):
            candidates, count = eviction(unused, newcomer.network, used, most=most)
            removed += await self._remove_first(candidates, max(count, needed - removed))
            if removed >= needed or not candidates:
                break
            # Somebody is deciding about those of the network that holds most: the next one has to give.
            unused = [client for client in unused if client.network != candidates[0].network]
        return removed >= needed

    async def _remove_first(self, candidates: Sequence[UnusedClient], count: int) -> int:
        removed = 0
        for entry in candidates[: count + MOST_TRIED]:
            if removed == count:
                break
            removed += await self._evict(entry)
        return removed

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
