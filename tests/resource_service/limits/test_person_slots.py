"""Connections and commands of a person are counted over all processes that share a store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from resource_service.limits import slots as leases
from resource_service.limits.counting import call_counting, local_counting
from resource_service.limits.person_slots import RETRY_S, PersonSlots
from resource_service.limits.slots import SharedSlots
from resource_service.storage.shared_store import SharedStore
from shared.storage import StoreUnavailableError

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-5", "RS-16")]

PROCESSES, LIMIT = 4, 10
ALICE, BOB = ("issuer", "subject:alice"), ("issuer", "subject:bob")


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[list[PersonSlots]]:
    """The slots of four processes that share a store."""
    async with AsyncExitStack() as stack:
        of_all = []
        for _ in range(PROCESSES):
            store = SharedStore(f"sqlite:///{tmp_path}/shared.db")
            await stack.enter_async_context(store.run())
            counting = call_counting(store, "server")
            await stack.enter_async_context(counting.run())
            slots = counting.person_slots(("exchanges", "r"), LIMIT)
            assert slots
            of_all.append(slots)
        yield of_all


async def test_four_processes_admit_as_many_as_the_limit_of_each_person(processes: list[PersonSlots]) -> None:
    taken = await asyncio.gather(
        *(each.take(person, waits_s=()) for each in processes for person in [ALICE] * 5 + [BOB])
    )
    assert len([slot for slot in taken if slot and slot.owner[-1] == ALICE[-1]]) == LIMIT
    assert len([slot for slot in taken if slot and slot.owner[-1] == BOB[-1]]) == PROCESSES
    freed = next(slot for slot in taken if slot and slot.owner[-1] == ALICE[-1])
    processes[0].free(freed)
    assert await processes[-1].take(ALICE) is not None
    async with processes[0].slot(ALICE) as is_free:
        assert not is_free


async def test_a_slot_ends_with_its_context(processes: list[PersonSlots]) -> None:
    for each in processes * LIMIT:
        async with each.slot(ALICE) as is_free:
            assert is_free


async def test_the_slots_of_a_process_that_was_killed_become_free(
    processes: list[PersonSlots], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_S", 1)
    for _ in range(LIMIT):  # nobody renews or frees them
        assert await processes[0].take(ALICE, waits_s=()) is not None
    assert await processes[1].take(ALICE, waits_s=()) is None
    assert await processes[1].take(ALICE, waits_s=[0.1] * 50) is not None


async def test_a_process_asks_the_others_for_a_slot_that_one_of_them_can_free(
    processes: list[PersonSlots],
) -> None:
    taken = [await processes[0].take(ALICE) for _ in range(LIMIT)]

    async def look() -> None:
        assert not await processes[1].is_asked_to_free_one(BOB)
        for slot in taken:
            if slot and await processes[0].is_asked_to_free_one(ALICE):
                processes[0].free(slot)
                taken.remove(slot)
                break
        assert not await processes[2].is_asked_to_free_one(ALICE)

    assert not await processes[0].is_asked_to_free_one(ALICE)
    assert await processes[3].take(ALICE, make_room=look) is not None
    assert len(taken) == LIMIT - 1


async def test_while_the_store_is_away_each_process_counts_alone_without_waiting_for_it() -> None:
    calls, now = 0, 100.0

    class Away(SharedSlots):
        async def take(self, owner: Any, maximum: int) -> Any:
            nonlocal calls
            calls += 1
            raise StoreUnavailableError

    slots = PersonSlots(Away(SharedStore("sqlite:///none"), "server"), (), 1, lambda: now)
    for _ in range(3):
        async with slots.slot(ALICE) as is_free:
            assert is_free
    assert calls == 1
    now += RETRY_S
    async with slots.slot(ALICE) as is_free:
        assert is_free
    assert calls == 2


def test_without_a_store_nothing_is_counted_in_common() -> None:
    assert local_counting().person_slots(("exchanges", "r"), LIMIT) is None
