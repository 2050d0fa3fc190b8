"""Two hundred callers at once, over four processes and within one: each promise of atomicity, everywhere."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from shared.storage import Store
from tests.storage import contenders
from tests.storage.contenders import CONTESTS, KEY, PROCESSES, ROOM, TASKS, Counter, counters

pytestmark = [pytest.mark.long, pytest.mark.anyio]

Contest = Callable[[str], Awaitable[list[object]]]


@pytest.fixture(scope="session")
def processes() -> Iterator[ProcessPoolExecutor]:
    """Four processes that share nothing but the store."""
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(PROCESSES)
    with ProcessPoolExecutor(
        PROCESSES, mp_context=context, initializer=contenders.share_gate, initargs=(gate,)
    ) as pool:
        yield pool


@pytest.fixture(params=["one process", "four processes"])
def contest(request: pytest.FixtureRequest, store: Store, store_url: str) -> Contest:
    """Runs a contest of `contenders` 200 times at once and returns what each run returned."""

    async def within_one(name: str) -> list[object]:
        run = CONTESTS[name]
        return await asyncio.gather(*(run(store, f"0.{task}") for task in range(PROCESSES * TASKS)))

    if request.param == "one process":
        return within_one
    pool: ProcessPoolExecutor = request.getfixturevalue("processes")

    async def over_four(name: str) -> list[object]:
        loop = asyncio.get_running_loop()
        runs = (loop.run_in_executor(pool, contenders.contend, store_url, name, i) for i in range(PROCESSES))
        return [result for results in await asyncio.gather(*runs) for result in results]

    return over_four


def the_winner(results: list[object]) -> bytes:
    """The one that is not None."""
    assert len(results) == PROCESSES * TASKS
    (winner,) = (result for result in results if result is not None)
    return str(winner).encode()


async def test_one_create_wins_and_its_value_stays(store: Store, contest: Contest) -> None:
    winner = the_winner(await contest("create"))
    assert await store.get(KEY) == winner


async def test_one_replace_wins_and_its_value_stays(store: Store, contest: Contest) -> None:
    await store.create(KEY, b"old", ttl_s=None)
    winner = the_winner(await contest("replace"))
    assert await store.get(KEY) == winner


async def test_one_delete_wins(store: Store, contest: Contest) -> None:
    await store.create(KEY, b"old", ttl_s=None)
    the_winner(await contest("delete"))
    assert await store.get(KEY) is None


async def test_one_put_once_wins(contest: Contest) -> None:
    the_winner(await contest("put_once"))


async def test_no_member_added_to_an_index_is_lost(store: Store, contest: Contest) -> None:
    names = await contest("index_add")
    assert await store.index_list(KEY) == sorted(str(name) for name in names)


async def test_no_more_members_get_into_an_index_than_it_has_room_for(store: Store, contest: Contest) -> None:
    let_in = [name for name in await contest("index_add_within") if name is not None]
    assert len(let_in) == ROOM
    assert await store.index_list(KEY) == sorted(str(name) for name in let_in)


@pytest.mark.requirement("BOUND-4")
async def test_a_counter_reaches_its_limit_and_every_count_is_of_its_own(
    store: Store, contest: Contest
) -> None:
    counted = [int(str(value)) for value in await contest("count") if value is not None]
    assert sorted(counted) == list(range(1, ROOM + 1))
    assert await store.get(KEY) == str(ROOM).encode()


@pytest.mark.requirement("BOUND-4")
async def test_no_refund_of_a_counter_is_lost(store: Store, contest: Contest) -> None:
    left_over = 7
    await store.count(KEY, ttl_s=60, limit=1_000, by=PROCESSES * TASKS + left_over)
    await contest("uncount")
    assert await store.get(KEY) == str(left_over).encode()


async def test_every_update_of_one_document_is_applied_exactly_once(store: Store, contest: Contest) -> None:
    await counters(store).create("contended", Counter(0, ""))
    results = await contest("update")
    assert sorted(int(str(result)) for result in results) == list(range(PROCESSES * TASKS))
    final = await counters(store).get("contended")
    assert final is not None
    assert final.count == PROCESSES * TASKS


async def test_several_processes_may_be_the_first_to_open_a_sqlite_file(
    processes: ProcessPoolExecutor, tmp_path: Path
) -> None:
    loop = asyncio.get_running_loop()
    for attempt in range(20):
        url = f"sqlite:///{tmp_path}/{attempt}/doorward.db"
        runs = (loop.run_in_executor(processes, contenders.open_at_once, url) for _ in range(PROCESSES))
        assert sorted(await asyncio.gather(*runs)) == [False, False, False, True]
