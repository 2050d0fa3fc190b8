"""Work on threads: bounded, in turns, and gone when anyone who asked has left."""

from __future__ import annotations

import asyncio
import threading

import pytest

from shared.fair_queue import FairQueue, QueueFullError

pytestmark = [pytest.mark.requirement("BOUND-1"), pytest.mark.anyio]


class Held:
    """A queue whose one worker is busy until `release` is called."""

    def __init__(self, max_waiting: int = 256, max_waiting_of_one: int = 32) -> None:
        self.queue = FairQueue(workers=1, max_waiting=max_waiting, max_waiting_of_one=max_waiting_of_one)
        self.order: list[str] = []
        self._event = threading.Event()
        self.first = asyncio.create_task(self.queue.run("first", self._event.wait))

    def ask(self, source: str, name: str | None = None) -> asyncio.Task[None]:
        return asyncio.create_task(self.queue.run(source, self.order.append, name or source))

    async def release(self, *tasks: asyncio.Task[None]) -> None:
        self._event.set()
        await asyncio.gather(self.first, *tasks)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_sources_take_turns() -> None:
    held = Held()
    await settled()
    tasks = [held.ask("many", f"many {number}") for number in range(3)]
    await settled()
    tasks += [held.ask("few")]
    await settled()
    await held.release(*tasks)
    assert held.order == ["many 0", "few", "many 1", "many 2"]


async def test_one_source_leaves_room_for_others() -> None:
    held = Held(max_waiting=4, max_waiting_of_one=2)
    await settled()
    tasks = [held.ask("many") for _ in range(2)]
    await settled()
    with pytest.raises(QueueFullError):
        await held.ask("many")
    tasks += [held.ask("other"), held.ask("third")]
    await settled()
    with pytest.raises(QueueFullError):
        await held.ask("fourth")
    await held.release(*tasks)


async def test_a_caller_that_has_left_takes_no_turn() -> None:
    held = Held(max_waiting_of_one=1)
    await settled()
    leaving = held.ask("leaver", "gone")
    await settled()
    leaving.cancel()
    await settled()
    again = held.ask("leaver", "again")
    await settled()
    await held.release(again)
    assert held.order == ["again"]


async def test_a_turn_that_is_given_to_who_leaves_goes_to_the_next() -> None:
    held = Held()
    await settled()
    tasks = [held.ask("a"), held.ask("b")]
    await settled()
    held.first.add_done_callback(lambda _: tasks[0].cancel())
    await asyncio.wait([asyncio.create_task(held.release())])
    await asyncio.wait(tasks)
    assert "b" in held.order
    assert await held.queue.run("c", lambda: "c") == "c"


async def test_what_a_function_raises_is_raised_and_the_worker_is_free_again() -> None:
    queue = FairQueue()
    with pytest.raises(ZeroDivisionError):
        await queue.run("a", lambda: 1 // 0)
    assert await queue.run("a", lambda: 1) == 1


async def test_a_waiting_caller_that_is_cancelled_leaves_the_queue_to_the_others() -> None:
    queue = FairQueue(workers=1, max_waiting=2)
    order: list[str] = []

    async def take(source: str) -> None:
        async with queue.turn(source):
            order.append(source)

    async with queue.turn("first"):
        leaving = asyncio.ensure_future(take("gone"))
        stays = asyncio.ensure_future(take("stays"))
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await take("too many")
        leaving.cancel()
        await asyncio.sleep(0)
        late = asyncio.ensure_future(take("late"))
        await asyncio.sleep(0)
    await asyncio.gather(stays, late)
    assert order == ["stays", "late"]
    assert leaving.cancelled()
