"""One call of every method of a store, and waiting for what a store says to change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from shared.storage import Store
from shared.storage.steps import Create, ReadMany, in_order

KEY = "doorward:test:key"
INDEX = "doorward:test:index"
COUNTER = "doorward:test:counter"
CHANNEL = "doorward:test:channel"


async def _subscribe(store: Store) -> None:
    async with store.subscribe(CHANNEL):
        pass


CALLS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "get": lambda store: store.get(KEY),
    "get_many": lambda store: store.get_many([KEY, COUNTER]),
    "create": lambda store: store.create(KEY, b"value", ttl_s=None),
    "in_order": lambda store: in_order(store, Create(KEY, b"value", 60), ReadMany((KEY,))),
    "replace": lambda store: store.replace(KEY, b"value", b"new", ttl_s=60),
    "delete": lambda store: store.delete(KEY),
    "put_once": lambda store: store.put_once(KEY, ttl_s=60),
    "count": lambda store: store.count(COUNTER, ttl_s=60, limit=9),
    "uncount": lambda store: store.uncount(COUNTER),
    "index_add": lambda store: store.index_add(INDEX, "member", ttl_s=60),
    "index_add_within": lambda store: store.index_add_within(INDEX, "member", ttl_s=60, limit=9),
    "index_remove": lambda store: store.index_remove(INDEX, "member"),
    "index_list": lambda store: store.index_list(INDEX),
    "publish": lambda store: store.publish(CHANNEL, b"message"),
    "subscribe": _subscribe,
    "ping": lambda store: store.ping(),
    "misconfigurations": lambda store: store.misconfigurations(),
}


async def becomes(condition: Callable[[], Awaitable[bool]], *, timeout_s: float = 5) -> bool:
    """Whether `condition` holds at last."""
    deadline = time.monotonic() + timeout_s
    while not await condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True
