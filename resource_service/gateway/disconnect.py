"""Cancel the work for a client when it disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Receive

from shared.cancellable import Cancellable

UNWATCHED_S = 0.05
"""Most requests are answered within this time, and cost no task."""


@contextmanager
def cancelled_on_disconnect(receive: Receive) -> Iterator[Cancellable]:
    """Cancel the code inside the context when the client disconnects; execution continues after the context.

    The request body must have been read. The yielded section tells whether it was cancelled. A disconnect is
    noticed after `UNWATCHED_S` at the earliest.
    """
    with Cancellable() as section:
        watcher = _Watcher(receive, section)
        try:
            yield section
        finally:
            watcher.stop()


class _Watcher:
    """Waits for the disconnect in a task of its own, which begins later."""

    def __init__(self, receive: Receive, section: Cancellable) -> None:
        self._receive = receive
        self._section = section
        self._task: asyncio.Task[None] | None = None
        self._beginning = asyncio.get_running_loop().call_later(UNWATCHED_S, self._begin)

    def stop(self) -> None:
        self._beginning.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._cancel_on_disconnect())

    async def _cancel_on_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._section.cancel()
