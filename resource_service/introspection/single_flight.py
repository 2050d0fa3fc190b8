"""Merge concurrent identical calls into one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class SingleFlight(Generic[Answer]):
    """Shares one run of `ask` among concurrent callers with the same argument.

    Args:
        ask: the function to run; it must limit its own time.
        join_for_s: how long after its start a run accepts further callers. An answer may be as old as the
            start of its run, so a revocation can be missed for this long.
    """

    def __init__(self, ask: Callable[[str], Awaitable[Answer]], *, join_for_s: float) -> None:
        self._ask = ask
        self._join_for_s = join_for_s
        self._flights: dict[str, tuple[float, asyncio.Task[Answer]]] = {}

    async def __call__(self, question: str) -> Answer:
        """Return the result of `ask`, or raise its exception. Cancelling one caller affects no other."""
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
            flight.exception()  # mark it as retrieved, even if every caller has been cancelled
        if self._flights.get(question, (0.0, None))[1] is flight:
            del self._flights[question]
