"""Concurrent operations of several processes on one store; each process imports this module."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier

from shared.storage import Store, open_store
from shared.storage.documents import Collection, Decision
from shared.storage.json_codec import JsonCodec

PROCESSES = 4
TASKS = 50
"""At once, in each process."""
ROOM = 17
"""Members that an index has room for, and the limit of a counter."""
KEY = "doorward:contended"

_gate: Barrier | None = None


@dataclass(frozen=True)
class Counter:
    """Counts the updates of a document, and remembers who came last."""

    count: int
    last: str


codec = JsonCodec(Counter)


def counters(store: Store) -> Collection[Counter]:
    return Collection(store, "doorward:counter:{}".format, codec, lambda counter: None)


def share_gate(gate: Barrier) -> None:
    """Run once in each process: what they wait at for each other."""
    global _gate
    _gate = gate


def contend(url: str, contest: str, process: int) -> list[object]:
    """Run one of the contests below `TASKS` times at once, together with the other processes.

    Returns:
        what each run returned.
    """
    assert _gate
    return asyncio.run(_contend(url, CONTESTS[contest], process, _gate))


async def _contend(
    url: str, contest: Callable[[Store, str], Awaitable[object]], process: int, gate: Barrier
) -> list[object]:
    store = open_store(url)
    try:
        await store.get(KEY)
        gate.wait(30)
        return await asyncio.gather(*(contest(store, f"{process}.{task}") for task in range(TASKS)))
    finally:
        await store.aclose()


def publish(url: str, channel: str, messages: list[bytes]) -> None:
    """Publish from a process of its own."""
    asyncio.run(_publish(url, channel, messages))


async def _publish(url: str, channel: str, messages: list[bytes]) -> None:
    store = open_store(url)
    try:
        for message in messages:
            await store.publish(channel, message)
    finally:
        await store.aclose()


def open_at_once(url: str) -> bool:
    """Open a store, and write to it, at the same moment as the other processes."""
    assert _gate
    _gate.wait(30)
    return asyncio.run(_open_and_write(url))


async def _open_and_write(url: str) -> bool:
    store = open_store(url)
    try:
        return await store.put_once(KEY, ttl_s=60)
    finally:
        await store.aclose()


async def create(store: Store, name: str) -> object:
    return name if await store.create(KEY, name.encode(), ttl_s=None) else None


async def replace(store: Store, name: str) -> object:
    return name if await store.replace(KEY, b"old", name.encode(), ttl_s=None) else None


async def delete(store: Store, name: str) -> object:
    return name if await store.delete(KEY) else None


async def put_once(store: Store, name: str) -> object:
    return name if await store.put_once(KEY, ttl_s=60) else None


async def index_add(store: Store, name: str) -> object:
    await store.index_add(KEY, name, ttl_s=60)
    return name


async def index_add_within(store: Store, name: str) -> object:
    return name if await store.index_add_within(KEY, name, ttl_s=60, limit=ROOM) else None


async def count(store: Store, name: str) -> object:
    counted = await store.count(KEY, ttl_s=60, limit=ROOM)
    return counted.value if counted.admitted else None


async def uncount(store: Store, name: str) -> object:
    await store.uncount(KEY)
    return None


async def update(store: Store, name: str) -> object:
    def count(counter: Counter) -> Decision[Counter, int]:
        return Decision(Counter(counter.count + 1, name), counter.count)

    return await counters(store).update("contended", count)


CONTESTS: dict[str, Callable[[Store, str], Awaitable[object]]] = {
    contest.__name__: contest
    for contest in (create, replace, delete, put_once, count, uncount, index_add, index_add_within, update)
}
