"""Reads that travel together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from auth_service.storage import StoreUnavailableError
from auth_service.storage.shared_reads import SharedReads

pytestmark = pytest.mark.anyio


class Values:
    """Answers each key with itself, and remembers what was asked for together."""

    def __init__(self) -> None:
        self.trips: list[list[bytes]] = []
        self.begun = asyncio.Semaphore(0)
        self.open = asyncio.Event()
        self.open.set()
        self.failing = False

    async def read_many(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        self.trips.append(list(keys))
        self.begun.release()
        await self.open.wait()
        if self.failing:
            raise StoreUnavailableError("gone")
        return keys


async def test_reads_asked_for_in_one_turn_of_the_loop_make_one_trip() -> None:
    values = Values()
    reads = SharedReads(values.read_many)
    assert await asyncio.gather(*(reads.get(key) for key in (b"a", b"b", b"a"))) == [b"a", b"b", b"a"]
    assert values.trips == [[b"a", b"b", b"a"]]


async def test_a_later_read_never_joins_a_trip_that_has_begun() -> None:
    values = Values()
    values.open.clear()
    reads = SharedReads(values.read_many)
    first = asyncio.ensure_future(reads.get(b"a"))
    await values.begun.acquire()
    second = asyncio.ensure_future(reads.get(b"a"))
    await values.begun.acquire()
    values.open.set()
    assert (await first, await second) == (b"a", b"a")
    assert values.trips == [[b"a"], [b"a"]]


async def test_a_reader_that_goes_away_takes_nobody_along() -> None:
    values = Values()
    values.open.clear()
    reads = SharedReads(values.read_many)
    readers = [asyncio.ensure_future(reads.get(key)) for key in (b"a", b"b")]
    await values.begun.acquire()
    readers[0].cancel()
    values.open.set()
    assert await readers[1] == b"b"
    assert readers[0].cancelled()


async def test_a_failed_trip_fails_each_of_its_readers_with_an_error_of_its_own() -> None:
    values = Values()
    values.failing = True
    reads = SharedReads(values.read_many)
    outcomes = await asyncio.gather(reads.get(b"a"), reads.get(b"b"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailableError] * 2
    assert outcomes[0] is not outcomes[1]
    values.failing = False
    assert await reads.get(b"a") == b"a"
