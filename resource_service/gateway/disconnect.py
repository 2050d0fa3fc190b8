"""Cancel the work for a client when it disconnects."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import anyio
from starlette.types import Receive

from shared.cancellable import Cancellable

UNWATCHED_S = 0.05
"""Most requests are answered within this time, and cost no task."""


class CancelledOnDisconnect(Cancellable):
    """Cancel the code inside the context when the client disconnects; execution continues after the context.

    The request body must have been read. A disconnect is noticed after `UNWATCHED_S` at the earliest, by a
    task that begins then.
    """

    __slots__ = ("_beginning", "_receive", "_watching")

    def __init__(self, receive: Receive) -> None:
        super().__init__()
        self._receive = receive
        self._watching: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        super().__enter__()
        self._beginning = asyncio.get_running_loop().call_later(UNWATCHED_S, self._begin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._beginning.cancel()
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        return super().__exit__(kind, error, trace)

    def _begin(self) -> None:
        self._watching = asyncio.create_task(self._cancel_on_disconnect())

    async def _cancel_on_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.cancel()


async def has_disconnected(receive: Receive) -> bool:
    """Return whether the client has disconnected, as far as is visible now. The body must have been read."""
    with anyio.move_on_after(0):
        while (await receive())["type"] != "http.disconnect":
            pass
        return True
    return False
