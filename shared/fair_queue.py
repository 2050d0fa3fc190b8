"""Run slow work on a few worker threads, round robin over its sources.

The event loop stays free, memory is bounded, and a busy source delays only itself.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class QueueFullError(Exception):
    """The queue is full, for the moment."""


class FairQueue:
    """Runs functions on threads, round robin over their sources.

    Args:
        workers: how many functions run at once.
        max_waiting: how many functions may wait; at most `max_waiting_of_one` per source.
        waited: called with the seconds that each function waited for its turn.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        max_waiting: int = 256,
        max_waiting_of_one: int = 32,
        waited: Callable[[float], None] | None = None,
    ) -> None:
        self._workers = workers
        self._max_waiting = max_waiting
        self._max_waiting_of_one = max_waiting_of_one
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._waited = waited
        self._running = 0
        self._limiter: CapacityLimiter | None = None

    async def run(
        self,
        source: str,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """Run `function` on a thread; return or raise what it does.

        Args:
            source: the source that the work counts for: a network, a client, a person.

        Raises:
            QueueFullError: too many functions are waiting.
        """
        async with self.turn(source):
            # A separate limiter, so that other work on threads does not wait for this queue.
            self._limiter = self._limiter or CapacityLimiter(self._workers)
            return await to_thread.run_sync(lambda: function(*args, **kwargs), limiter=self._limiter)

    @asynccontextmanager
    async def turn(self, source: str) -> AsyncIterator[None]:
        """Wait for a turn, for work that moves to a thread by itself. A cancelled caller leaves the queue.

        Raises:
            QueueFullError: too many functions are waiting.
        """
        if self._waited is None:
            await self._turn(source)
        else:
            begun = perf_counter()
            await self._turn(source)
            self._waited(perf_counter() - begun)
        try:
            yield
        finally:
            self._running -= 1
            self._next()

    async def _turn(self, source: str) -> None:
        if self._running < self._workers and not self._waiting:
            self._running += 1
            return
        turn = self._line_up(source)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._running -= 1  # it got a turn that it does not use
                self._next()
            else:
                self._leave(source, turn)
            raise

    def _line_up(self, source: str) -> asyncio.Future[None]:
        own = self._waiting.get(source, deque())
        if len(own) >= self._max_waiting_of_one or self._waiting_in_all() >= self._max_waiting:
            raise QueueFullError(f"{len(own)} of {source} wait, {self._waiting_in_all()} in all")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        own.append(turn)
        self._waiting[source] = own
        return turn

    def _next(self) -> None:
        while self._waiting and self._running < self._workers:
            source, own = self._waiting.popitem(last=False)
            turn = own.popleft()
            if own:
                self._waiting[source] = own  # behind all others
            if not turn.done():
                self._running += 1
                turn.set_result(None)

    def _leave(self, source: str, turn: asyncio.Future[None]) -> None:
        own = self._waiting.get(source, deque())
        if turn in own:
            own.remove(turn)
        if not own:
            self._waiting.pop(source, None)

    @property
    def waiting(self) -> int:
        """How many functions wait for their turn."""
        return self._waiting_in_all()

    def _waiting_in_all(self) -> int:
        return sum(map(len, self._waiting.values()))
