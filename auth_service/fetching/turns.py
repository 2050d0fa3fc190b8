"""Turns: nobody's requests, and no one site's slowness, hold up the requests of others (BOUND-5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from weakref import WeakValueDictionary

requesting_network: ContextVar[str | None] = ContextVar("requesting_network", default=None)
"""The network whose request is being answered, so that what is fetched for it counts against it.

Set by `endpoints.network.ClientNetworks` within the task of each request; None where a request cannot have a
stranger's URL fetched, or where nobody waits.
"""


class KeyedTurns:
    """For each key, at most so many at once. Keys that nobody uses take no memory."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[object, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, key: object, at_once: int) -> asyncio.Semaphore:
        """The turns of `key`."""
        turns = self._turns.get(key)
        if turns is None:
            turns = self._turns[key] = asyncio.Semaphore(at_once)
        return turns


class Turns:
    """A turn is taken of the network first, then of the site, then of all: who waits holds up its own alone.

    Args:
        at_once: of all.
        per_network: of one network; requests of no known network share half of all.
        per_host: of one site.
    """

    def __init__(self, at_once: int, per_network: int, per_host: int) -> None:
        self._all = asyncio.Semaphore(at_once)
        self._unknown = max(1, at_once // 2)
        self._per_network, self._per_host = per_network, per_host
        self._networks, self._hosts = KeyedTurns(), KeyedTurns()

    @asynccontextmanager
    async def taken(self, host: str) -> AsyncIterator[None]:
        """A turn to ask `host` something."""
        network = requesting_network.get()
        of_network = self._networks.of(network, self._per_network if network else self._unknown)
        async with of_network, self._hosts.of(host, self._per_host), self._all:
            yield
