"""Calls under way, each in a slot: in the store that processes share, or in this process.

A slot in the store has a lease, which this process renews. If it crashes, its slots become free when their
leases end.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple, Protocol

from resource_service.storage import keys
from resource_service.storage.shared_store import SharedStore
from shared.in_background import in_background
from shared.logs import get_logger
from shared.storage import StoreUnavailableError

LEASE_S = 30
RENEW_S = 10.0
ASKED_S = 5
"""How long a process waits for a slot that another one can free."""

_log = get_logger(__name__)


class Slot(NamedTuple):
    """An occupied slot of `owner`."""

    owner: tuple[str, ...]
    holder: str


class Slots(Protocol):
    """Slots of owners, who never have more than their maximum."""

    async def take(self, owner: tuple[str, ...], maximum: int) -> Slot | None:
        """Occupy a slot; None if all are occupied.

        Raises:
            StoreUnavailableError: it is not known whether one is free.
        """
        ...

    def free(self, slot: Slot) -> None:
        """Free a slot, without waiting until other processes notice."""
        ...


class LocalSlots:
    """Slots of this process."""

    def __init__(self) -> None:
        self._occupied: Counter[tuple[str, ...]] = Counter()

    async def take(self, owner: tuple[str, ...], maximum: int) -> Slot | None:
        if self._occupied[owner] >= maximum:
            return None
        self._occupied[owner] += 1
        return Slot(owner, "")

    def free(self, slot: Slot) -> None:
        self._occupied[slot.owner] -= 1
        if self._occupied[slot.owner] <= 0:
            del self._occupied[slot.owner]


class SharedSlots:
    """Slots of all processes that share the store; only the own ones are renewed and freed."""

    def __init__(self, store: SharedStore, server_id: str) -> None:
        self._store = store
        self._server_id = server_id
        self._held: set[Slot] = set()
        self._ending: set[asyncio.Task[None]] = set()

    async def take(self, owner: tuple[str, ...], maximum: int) -> Slot | None:
        store, slot = await self._store.current(), Slot(owner, secrets.token_hex(8))
        if not await store.index_add_within(self._index(slot), slot.holder, ttl_s=LEASE_S, limit=maximum):
            return None
        self._held.add(slot)
        return slot

    def free(self, slot: Slot) -> None:
        self._held.discard(slot)
        task = asyncio.get_running_loop().create_task(self._remove(slot))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Renew the leases for the length of the context, and free the slots at its end."""
        async with in_background(self._renew_forever()):
            yield
        for slot in list(self._held):
            self.free(slot)
        await asyncio.gather(*self._ending)

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await self.renew()
            except StoreUnavailableError as error:
                _log.warning("slots not renewed", held=len(self._held), detail=str(error))

    async def renew(self) -> None:
        """Renew the leases of all slots once.

        Raises:
            StoreUnavailableError: some are not renewed.
        """
        store = await self._store.current()
        for slot in list(self._held):
            if slot in self._held:
                await store.index_add(self._index(slot), slot.holder, ttl_s=LEASE_S)
            if slot not in self._held:  # freed meanwhile: perhaps before the renewal took effect
                self.free(slot)

    async def ask(self, owner: tuple[str, ...]) -> None:
        """Ask the other processes for a slot of `owner` that they do not need.

        Raises:
            StoreUnavailableError: they may not see it.
        """
        store = await self._store.current()
        await store.put_once(keys.limit_slot_wanted(self._server_id, *owner), ttl_s=ASKED_S)

    async def is_asked(self, owner: tuple[str, ...]) -> bool:
        """Return whether another process wants a slot of `owner`; one process gets True.

        Raises:
            StoreUnavailableError: nobody knows.
        """
        store, key = await self._store.current(), keys.limit_slot_wanted(self._server_id, *owner)
        return await store.get(key) is not None and await store.delete(key)

    async def _remove(self, slot: Slot) -> None:
        try:
            store = await self._store.current()
            await store.index_remove(self._index(slot), slot.holder)
        except StoreUnavailableError as error:
            _log.warning("a slot is not freed before its lease ends", lease_s=LEASE_S, detail=str(error))

    def _index(self, slot: Slot) -> str:
        return keys.limit_slots(self._server_id, *slot.owner)
