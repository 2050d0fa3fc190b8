"""Documents that are read together are those that are read one by one."""

from __future__ import annotations

import pytest

from shared.storage import Store
from shared.storage.readings import NOTHING, Reading, ReadingAhead, read_together

pytestmark = pytest.mark.anyio


async def test_each_reading_gets_the_values_of_its_own_keys(store: Store) -> None:
    await store.create("doorward:a", b"1", ttl_s=60)
    await store.create("doorward:c", b"3", ttl_s=60)
    both = Reading(("doorward:a", "doorward:b"), lambda a, b: (a, b))
    one = Reading(("doorward:c",), lambda c: c)
    assert await read_together(store, both, NOTHING, one) == ((b"1", None), None, b"3")


async def test_without_keys_nothing_is_read(store: Store) -> None:
    assert await read_together(store, NOTHING, NOTHING) == (None, None)


async def test_readings_begun_ahead_have_the_same_results(store: Store) -> None:
    await store.create("doorward:a", b"1", ttl_s=60)
    await store.create("doorward:c", b"3", ttl_s=60)
    both = Reading(("doorward:a", "doorward:b"), lambda a, b: (a, b))
    one = Reading(("doorward:c",), lambda c: c)
    with ReadingAhead(store, both, NOTHING, one) as ahead:
        await store.ping()
        assert await ahead.results() == ((b"1", None), None, b"3")


async def test_readings_begun_ahead_need_not_be_used(store: Store) -> None:
    with ReadingAhead(store, Reading(("doorward:a",), lambda a: a)):
        pass
    assert await store.create("doorward:a", b"1", ttl_s=60)
