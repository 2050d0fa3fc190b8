"""Concurrency limits that keep one network's requests, or one slow site, from delaying others (BOUND-5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from weakref import WeakValueDictionary

requesting_network: ContextVar[str | None] = ContextVar("requesting_network", default=None)
"""The network whose request is being handled; fetches made for the request count against it.

`endpoints.network.ClientNetworks` sets it within the task of each request. It is None where a request cannot
cause a fetch of a stranger's URL, or where nobody waits for the result.
"""


class KeyedTurns:
    """A concurrency limit per key. Unused keys take no memory."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[object, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, key: object, at_once: int) -> asyncio.Semaphore:
        """Return the semaphore of `key`."""
        turns = self._turns.get(key)
        if turns is None:
            turns = self._turns[key] = asyncio.Semaphore(at_once)
        return turns


class Turns:
    """Acquires a slot of the network, then of the site, then of the total: waiters block only their own.

    Args:
        at_once: the limit in total.
        per_network: the limit per network; requests of unknown networks share half of the total.
        per_host: the limit per site.
    """

    def __init__(self, at_once: int, per_network: int, per_host: int) -> None:
        self._all = asyncio.Semaphore(at_once)
        self._unknown = max(1, at_once // 2)
        self._per_network, self._per_host = per_network, per_host
        self._networks, self._hosts = KeyedTurns(), KeyedTurns()

    @asynccontextmanager
    async def taken(self, host: str) -> AsyncIterator[None]:
        """Hold a slot for a request to `host`."""
        network = requesting_network.get()
        of_network = self._networks.of(network, self._per_network if network else self._unknown)
        async with of_network, self._hosts.of(host, self._per_host), self._all:
            yield
