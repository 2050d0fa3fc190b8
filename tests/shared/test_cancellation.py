"""A cancellation ends a task, although a library loses it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import anyio
import pytest

from shared import cancellation
from shared.cancellation import cancel_and_wait, cancellable

pytestmark = pytest.mark.anyio


async def losing_one() -> str:
    """Wait, and go on after a cancellation, as redis-py does at the wrong moment."""
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    return "went on"


async def failing_after_one() -> None:
    """Lose a cancellation, and fail."""
    await losing_one()
    raise TimeoutError("no answer")


@pytest.mark.parametrize("work", [losing_one, failing_after_one])
async def test_a_lost_cancellation_is_raised(work: Callable[[], Coroutine[Any, Any, object]]) -> None:
    task = asyncio.create_task(cancellable(work()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await cancellable(asyncio.sleep(0, "a result")) == "a result"


async def test_a_failure_is_raised() -> None:
    async def fail() -> None:
        raise KeyError("the failure")

    with pytest.raises(KeyError, match="the failure"):
        await cancellable(fail())


async def test_time_limits_around_code_that_loses_cancellations_hold() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await cancellable(losing_one())
    with anyio.move_on_after(0.01) as scope:
        await cancellable(losing_one())
    assert scope.cancelled_caught
    task = asyncio.current_task()
    assert task
    assert task.cancelling() == 0


async def test_a_task_is_cancelled_until_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancellation, "CANCEL_AGAIN_S", 0.01)

    async def work() -> None:
        while True:
            await losing_one()
            await asyncio.sleep(60)

    tasks = [asyncio.create_task(work()) for _ in range(3)]
    await asyncio.sleep(0)
    await cancel_and_wait(*tasks, asyncio.create_task(asyncio.sleep(0)))
    assert all(task.cancelled() for task in tasks)
    await cancel_and_wait()


async def test_the_wait_for_the_end_of_a_task_can_be_cancelled() -> None:
    released = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await released.wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    waiting = asyncio.create_task(cancel_and_wait(task))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    released.set()
    await asyncio.wait([task])
