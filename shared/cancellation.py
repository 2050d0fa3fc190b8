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
        CancelledError: the task was cancelled, also if `work` went on all the same.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    result = await work
    if task and task.cancelling() > before:
        await asyncio.sleep(
            0
        )  # a scope of anyio cancels again here, with the message by which it knows its own
        raise asyncio.CancelledError
    return result


async def cancel_and_wait(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks, again every CANCEL_AGAIN_S seconds, and return when they have ended, however that was."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
