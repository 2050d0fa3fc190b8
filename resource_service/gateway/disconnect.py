"""What is done for a client ends when the client goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio
from starlette.types import Receive

Reason = Callable[[], Awaitable[None]]
"""Returns when it is time to end."""


@asynccontextmanager
async def cancelled_on_disconnect(
    receive: Receive, *, or_after: Reason | None = None
) -> AsyncIterator[anyio.CancelScope]:
    """Cancel what runs inside when the client disconnects; what follows then goes on as if it had ended.

    The body of the request must have been read. The scope says whether that is how it ended.

    Args:
        or_after: another reason to end than that the client has gone.
    """
    with anyio.CancelScope() as scope:
        reasons: list[Reason] = [partial(_disconnected, receive)]
        if or_after is not None:
            reasons.append(or_after)
        watchers = [asyncio.create_task(_cancel_after(reason, scope)) for reason in reasons]
        try:
            yield scope
        finally:
            for watcher in watchers:
                watcher.cancel()


async def _cancel_after(reason: Reason, scope: anyio.CancelScope) -> None:
    await reason()
    scope.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
