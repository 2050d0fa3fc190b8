"""While the authorization server is down, requests learn so at once instead of each waiting for it."""

from __future__ import annotations

from resource_service.introspection.client import Introspect, IntrospectionUnavailableError, ServerDownError
from resource_service.reasons import Reason
from shared.clock import Clock
from shared.introspection import ActiveToken

FAILURES = 5
"""So many in a row, and nobody waits any more."""

PROBE_EVERY_S = 0.5
"""How often a question goes through meanwhile. With what it takes to answer it, and clients that come back
after a second, an authorization server that returns is noticed within 2 s."""


class CircuitBreaker:
    """An `Introspect` over another one that is asked only now and then once it has failed `FAILURES` times.

    Args:
        steady_clock: seconds that pass; from when does not matter.
    """

    def __init__(self, ask: Introspect, steady_clock: Clock) -> None:
        self._ask = ask
        self._steady_clock = steady_clock
        self._failures = 0
        self._failure: ServerDownError | None = None
        self._answered_at = self._probe_at = float("-inf")

    async def __call__(self, token: str) -> ActiveToken | None:
        """What `token` stands for; None if it is not active.

        Raises:
            IntrospectionUnavailableError: there is no answer, or none is waited for.
        """
        if self._failures >= FAILURES:
            self._admit_probe()
        asked_at = self._steady_clock()
        try:
            answer = await self._ask(token)
        except ServerDownError as error:
            self._failed(asked_at, error)
            raise
        except IntrospectionUnavailableError:
            # It is there. Its answer is odd, but about this token: nobody else is to suffer for it.
            self._answered()
            raise
        self._answered()
        return answer

    def _failed(self, asked_at: float, failure: ServerDownError) -> None:
        # What was asked before the last answer came, and is given up now, tells of what is over.
        if asked_at >= self._answered_at:
            self._failures += 1
            self._failure = failure

    def _answered(self) -> None:
        self._failures = 0
        self._answered_at = self._steady_clock()

    def _admit_probe(self) -> None:
        # One is begun at a time, and the next does not wait for it: it may be stuck in a connection that is
        # dead, while the authorization server is back and takes new ones.
        now = self._steady_clock()
        if now < self._probe_at:
            reason = self._failure.reason if self._failure else Reason.AUTHORIZATION_SERVER_UNREACHABLE
            raise IntrospectionUnavailableError(
                reason, f"not asked: {self._failures} failures, last {self._failure}"
            )
        self._probe_at = now + PROBE_EVERY_S
