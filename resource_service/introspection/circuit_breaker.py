"""A circuit breaker: while the authorization server is down, requests fail immediately."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, NoReturn, TypeVar

from resource_service.introspection.client import IntrospectionUnavailableError, ServerDownError
from resource_service.reasons import Reason
from shared.clock import Clock

Question = TypeVar("Question")
Answer = TypeVar("Answer")

FAILURES = 5
"""Consecutive failures that open the circuit."""

SILENCE_S = 2.0
"""A query that failed after this long, while no other was answered, opens the circuit alone: a frozen server
lets each query run into its timeout."""

PROBE_EVERY_S = 0.5
"""How often one query passes while the circuit is open. Including the time to answer it, and clients that
retry after a second, the return of the authorization server is noticed within 2 s."""

PROBE_WAIT_S = 0.5
"""How long a request waits for the answer to its probe, or not at all while an earlier probe has no answer.
A later answer only closes the circuit."""


class CircuitBreaker(Generic[Question, Answer]):
    """A query to the authorization server, such as an `Introspect`, made only occasionally after failures.

    Args:
        ask: the query. It raises `ServerDownError` if the server does not answer.
        steady_clock: a monotonic clock in seconds.
    """

    def __init__(self, ask: Callable[[Question], Awaitable[Answer]], steady_clock: Clock) -> None:
        self._ask = ask
        self._steady_clock = steady_clock
        self._failures = 0
        self._failure: ServerDownError | None = None
        self._answered_at = self._probe_at = float("-inf")
        self._probes: set[asyncio.Task[Answer]] = set()

    @property
    def is_open(self) -> bool:
        """Whether requests fail without a query."""
        return self._failures >= FAILURES

    async def __call__(self, question: Question) -> Answer:
        """Return the answer of the authorization server.

        Raises:
            ServerDownError: the server does not answer, or the circuit is open.
            IntrospectionUnavailableError: the answer is not usable.
        """
        if self._failures < FAILURES:
            return await self._query(question)
        self._admit_probe()
        wait_s = 0 if self._probes else PROBE_WAIT_S
        probe = asyncio.create_task(self._query(question))
        self._probes.add(probe)
        probe.add_done_callback(self._probed)
        done, _ = await asyncio.wait([probe], timeout=wait_s)
        return probe.result() if done else self._refuse()

    async def _query(self, question: Question) -> Answer:
        asked_at = self._steady_clock()
        try:
            answer = await self._ask(question)
        except ServerDownError as error:
            self._failed(asked_at, error)
            raise
        except IntrospectionUnavailableError:
            # The server is up. Its odd answer concerns this question only and must not affect others.
            self._answered()
            raise
        self._answered()
        return answer

    def _probed(self, probe: asyncio.Task[Answer]) -> None:
        self._probes.discard(probe)
        if not probe.cancelled():
            probe.exception()  # mark it as retrieved, if nobody waits for it

    def _failed(self, asked_at: float, failure: ServerDownError) -> None:
        # A query from before the last answer that fails only now says nothing about the current state.
        if asked_at >= self._answered_at:
            silent = self._steady_clock() >= asked_at + SILENCE_S
            self._failures = max(self._failures + 1, FAILURES if silent else 0)
            self._failure = failure

    def _answered(self) -> None:
        self._failures = 0
        self._answered_at = self._steady_clock()

    def _admit_probe(self) -> None:
        # Only one probe starts at a time, but the next one does not wait for it: a probe may be stuck in a
        # dead connection while the authorization server is back and accepts new ones.
        now = self._steady_clock()
        if now < self._probe_at:
            self._refuse()
        self._probe_at = now + PROBE_EVERY_S

    def _refuse(self) -> NoReturn:
        reason = self._failure.reason if self._failure else Reason.AUTHORIZATION_SERVER_UNREACHABLE
        raise ServerDownError(reason, f"not asked: {self._failures} failures, last {self._failure}")
