"""Merge concurrent identical calls into one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Question = TypeVar("Question", bound=Hashable)
Answer = TypeVar("Answer")


class SingleFlight(Generic[Question, Answer]):
    """Shares one run of `ask` among concurrent callers with the same argument.

    Args:
        ask: the function to run; it must limit its own time.
        join_for_s: how long after its start a run accepts further callers. An answer may be as old as the
            start of its run, so a revocation can be missed for this long.
    """

    def __init__(self, ask: Callable[[Question], Awaitable[Answer]], *, join_for_s: float) -> None:
        self._ask = ask
        self._join_for_s = join_for_s
        self._flights: dict[Question, tuple[float, asyncio.Task[Answer]]] = {}

    async def __call__(self, question: Question) -> Answer:
        """Return the result of `ask`, or raise its exception. Cancelling one caller affects no other."""
        now = asyncio.get_running_loop().time()
        started, flight = self._flights.get(question, (now, None))
        if flight is None or now - started > self._join_for_s:
            flight = asyncio.create_task(self._run(question))
            self._flights[question] = (now, flight)
            flight.add_done_callback(lambda done: self._land(question, done))
        return await asyncio.shield(flight)

    def forget(self) -> None:
        """Let no run that has begun accept further callers."""
        self._flights.clear()

    async def _run(self, question: Question) -> Answer:
        return await self._ask(question)

    def _land(self, question: Question, flight: asyncio.Task[Answer]) -> None:
        if not flight.cancelled():
            flight.exception()  # mark it as retrieved, even if every caller has been cancelled
        if self._flights.get(question, (0.0, None))[1] is flight:
            del self._flights[question]
