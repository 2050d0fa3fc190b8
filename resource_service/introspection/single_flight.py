"""The same question asked by many at once is put once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class SingleFlight(Generic[Answer]):
    """Share one run of `ask` among the callers who want the same thing at the same time.

    Args:
        ask: what to run; it bounds its own time.
        join_for_s: how long after its start a run takes in further callers. An answer may be as old as the
            start of its run, so this is also how long a revocation can be overlooked.
    """

    def __init__(self, ask: Callable[[str], Awaitable[Answer]], *, join_for_s: float) -> None:
        self._ask = ask
        self._join_for_s = join_for_s
        self._flights: dict[str, tuple[float, asyncio.Task[Answer]]] = {}

    async def __call__(self, question: str) -> Answer:
        """The answer to `question`, or what `ask` raised. A caller that gives up takes nobody else down."""
        now = asyncio.get_running_loop().time()
        started, flight = self._flights.get(question, (now, None))
        if flight is None or now - started > self._join_for_s:
            flight = asyncio.create_task(self._run(question))
            self._flights[question] = (now, flight)
            flight.add_done_callback(lambda done: self._land(question, done))
        return await asyncio.shield(flight)

    async def _run(self, question: str) -> Answer:
        return await self._ask(question)

    def _land(self, question: str, flight: asyncio.Task[Answer]) -> None:
        if not flight.cancelled():
            flight.exception()  # seen, even if every caller has gone
        if self._flights.get(question, (0.0, None))[1] is flight:
            del self._flights[question]
