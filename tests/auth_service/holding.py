"""A real store, one of whose writes a test can hold up: what others do meanwhile has then overtaken it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from shared.storage import Store
from shared.storage.steps import Create, Step, in_order
from tests.auth_service.service import AuthorizationServer, running

SOON_S = 60


class Holding:
    """Keeps the creation of documents whose key begins with `prefix` waiting, once it is told to.

    Attributes:
        reached: set when one waits.
        released: to be set to let it go on.
    """

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self.holding = False
        self.reached, self.released = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def in_order(self, steps: Sequence[Step]) -> Awaitable[list[Any]] | None:
        return self._in_order(steps)

    async def _in_order(self, steps: Sequence[Step]) -> list[Any]:
        for step in steps:
            if isinstance(step, Create):
                await self._hold(step.key)
        return await in_order(self._store, *steps)

    async def create(self, key: str, value: bytes, *, ttl_s: int | None) -> bool:
        await self._hold(key)
        return await self._store.create(key, value, ttl_s=ttl_s)

    async def _hold(self, key: str) -> None:
        if self.holding and key.startswith(self._prefix):
            self.reached.set()
            await asyncio.to_thread(self.released.wait, SOON_S)


@contextmanager
def holding(store_url: str, prefix: str) -> Iterator[tuple[AuthorizationServer, Holding]]:
    """A server on such a store, which holds nothing yet."""
    stores: list[Holding] = []

    def around(store: Store) -> Store:
        stores.append(Holding(store, prefix))
        return cast("Store", stores[0])

    with running(store_url, around=around) as server:
        try:
            yield server, stores[0]
        finally:
            stores[0].released.set()
