"""Work that goes on beside a context, such as a loop that sends, samples or follows something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from shared.cancellation import cancel_and_wait


@asynccontextmanager
async def in_background(work: Coroutine[Any, Any, object]) -> AsyncIterator[None]:
    """Run `work` inside the context, at whose end it is cancelled and has ended.

    Raises:
        Exception: at the end, if `work` has failed.
    """
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await cancel_and_wait(task)
        if not task.cancelled():
            task.result()
