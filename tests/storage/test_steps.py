"""Steps take effect in their order, on every backend, also beside other callers."""

from __future__ import annotations

import asyncio

import pytest

from shared.storage import Store, open_store
from shared.storage.steps import AddMember, AddMemberWithin, CountUp, Create, ReadMany, Replace, in_order
from tests.storage.calls import COUNTER, INDEX, KEY

pytestmark = pytest.mark.anyio

CLIENT = "doorward:test:client"
RACES = 40


async def test_each_step_sees_the_ones_before_it(store: Store) -> None:
    results = await in_order(
        store,
        ReadMany((KEY,)),
        Create(KEY, b"one", 60),
        Replace(KEY, b"one", b"two", None),
        AddMember(INDEX, "a", 60),
        AddMemberWithin(INDEX, "b", None, 2),
        CountUp(COUNTER, 60, 1),
        ReadMany((COUNTER, KEY)),
    )
    assert results == [[None], True, True, None, True, (True, 1, 60), [b"1", b"two"]]
    assert await store.index_list(INDEX) == ["a", "b"]


async def test_a_step_that_changes_nothing_does_not_stop_the_next(store: Store) -> None:
    await in_order(store, Create(KEY, b"one", None), AddMember(INDEX, "a", 60))
    results = await in_order(
        store,
        Create(KEY, b"other", 60),
        Replace(KEY, b"other", b"third", 60),
        AddMemberWithin(INDEX, "b", 60, 1),
        CountUp(COUNTER, 60, 0),
        AddMember(INDEX, "c", 60),
        ReadMany((KEY,)),
    )
    assert results == [False, False, False, (False, 0, 60), None, [b"one"]]
    assert await store.index_list(INDEX) == ["a", "c"]


@pytest.mark.parametrize(
    "step", [Create(KEY, b"", 0), Replace(KEY, b"", b"", 0), AddMember("\ud800", "a", 60)]
)
async def test_a_step_without_a_form_fails_before_it_takes_effect(
    store: Store, step: Create | Replace | AddMember
) -> None:
    with pytest.raises(ValueError, match=r"lifetime|surrogates"):
        await in_order(store, step, AddMember(INDEX, "b", 60))
    assert await store.index_list(INDEX) == []


@pytest.mark.requirement("AS-12")
async def test_one_of_two_callers_notices_the_other(store: Store, store_url: str) -> None:
    """One lists a document, then reads what it depends on; the other ends that, then reads the list."""
    other = open_store(store_url)
    try:
        await other.ping()
        for number in range(RACES):
            client, index = f"{CLIENT}:{number}", f"{INDEX}:{number}"
            await store.create(client, b"client", ttl_s=60)
            opened, listed = await asyncio.gather(
                in_order(
                    store,
                    Create(f"{KEY}:{number}", b"grant", 60),
                    AddMember(index, "grant", 60),
                    ReadMany((client,)),
                ),
                _ended(other, client, index, number % 8),
            )
            assert opened[2] == [None] or listed == ["grant"]
    finally:
        await other.aclose()


async def _ended(store: Store, client: str, index: str, turns: int) -> list[str]:
    for _ in range(turns):
        await asyncio.sleep(0)
    await store.delete(client)
    return await store.index_list(index)
