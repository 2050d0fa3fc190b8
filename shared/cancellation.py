"""Cancellation of tasks that a library cannot lose.

On Python 3.11, `asyncio.wait_for` returns normally if its task is cancelled when its work is done, and the
task has not been resumed yet. A loop then goes on, and its shutdown waits forever. `asyncio.timeout` has no
such race, but redis-py sends commands with `wait_for`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

R = TypeVar("R")

CANCEL_AGAIN_S = 5.0


async def cancellable(work: Awaitable[R]) -> R:
    """Await code of a library, and return its result.

    Raises:
        CancelledError: the task was cancelled, also if `work` went on all the same, or failed afterwards.
        Exception: `work` has failed.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        result = await work
    except Exception:
        await _raise_if_cancelled(task, before)
        raise
    await _raise_if_cancelled(task, before)
    return result


async def _raise_if_cancelled(task: asyncio.Task[Any] | None, before: int) -> None:
    if task and task.cancelling() > before:
        # A scope of anyio cancels again here, with the message by which it recognizes its own cancellations.
        await asyncio.sleep(0)
        raise asyncio.CancelledError


async def cancel_and_wait(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks, again every CANCEL_AGAIN_S seconds, and return when they have ended, however that was."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
