"""Concurrency limits that keep one network's requests, or one slow site, from delaying others (BOUND-5)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from auth_service.fetching.recent_use import ProvenHosts, RecentUse
from shared.clock import Clock, steady_clock

requesting_network: ContextVar[str | None] = ContextVar("requesting_network", default=None)
"""The network whose request is being handled; fetches made for the request count against it.

`endpoints.network.ClientNetworks` sets it within the task of each request. It is None where a request cannot
cause a fetch of a stranger's URL, or where nobody waits for the result.
"""


SPARE = 4
"""A network may hold one slot for each `SPARE` that are free. So a few networks whose requests are never
answered leave slots to others."""

LITTLE_S = 2.5
"""Half of the time after which a request is given up: so much recent use of slots is little."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Numbers of concurrent requests.

    Attributes:
        at_once: in total; requests of unknown networks may hold `unknown` of them.
        per_network: per network at most.
        per_host: per site.
    """

    at_once: int
    unknown: int
    per_network: int
    per_host: int

    @property
    def kept(self) -> int:
        """The last free slots. Only networks that hold none get one: those that used little, or for a proven
        host.
        """
        return self.at_once // 4

    @property
    def proven(self) -> int:
        """Slots beyond `at_once`, for proven hosts only: networks without use are cheap to come by."""
        return self.at_once // 8


Holder = tuple[str | None, str]
"""A network, None if unknown, and a site."""


class Turns:
    """Slots for requests. Those that wait for their network or site let others pass.

    Args:
        little_s: how long a network may have held slots recently to count as one that used little.

    Attributes:
        proven: hosts that have responded, as the caller notes.
    """

    def __init__(
        self, bounds: Bounds, *, little_s: float = LITTLE_S, steady_clock: Clock = steady_clock
    ) -> None:
        self._bounds = bounds
        self._little_s = little_s
        self._steady_clock = steady_clock
        self._of_network: Counter[str | None] = Counter()
        self._of_host: Counter[str] = Counter()
        self._use = RecentUse()
        self._waiting: dict[asyncio.Future[None], Holder] = {}
        self.proven = ProvenHosts()

    @asynccontextmanager
    async def taken(self, host: str, wait_s: float | None = None) -> AsyncIterator[None]:
        """Hold a slot for a request to `host`.

        Raises:
            TimeoutError: there was none for `wait_s` seconds.
        """
        async with asyncio.timeout(wait_s):
            release = await self.acquire(host)
        try:
            yield
        finally:
            release()

    async def acquire(self, host: str) -> Callable[[], None]:
        """Wait for a slot for a request to `host`; return the function that releases it."""
        holder = requesting_network.get(), host
        if self._admits(holder):
            self._take(holder)
        else:
            await self._wait(holder)
        return partial(self._release, holder, self._steady_clock())

    async def _wait(self, holder: Holder) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = holder
        try:
            await turn
        except asyncio.CancelledError:
            if self._waiting.pop(turn, None) is None:
                self._release(holder, self._steady_clock())  # it got a slot at the same moment
            raise

    def _admits(self, holder: Holder) -> bool:
        network, host = holder
        free, held = self._bounds.at_once - self._of_network.total(), self._of_network[network]
        if self._of_host[host] >= self._bounds.per_host:
            return False
        if free <= self._bounds.kept:
            return not held and self._may_have_kept(holder, free)
        if network is None:
            return held < self._bounds.unknown
        return held < min(self._bounds.per_network, max(1, free // SPARE))

    def _may_have_kept(self, holder: Holder, free: int) -> bool:
        network, host = holder
        if host in self.proven:
            return free > -self._bounds.proven
        return free > 0 and self._use.of(network, self._steady_clock()) <= self._little_s

    def _take(self, holder: Holder) -> None:
        network, host = holder
        self._of_network[network] += 1
        self._of_host[host] += 1

    def _release(self, holder: Holder, taken_at: float) -> None:
        network, host = holder
        now = self._steady_clock()
        self._use.add(network, now - taken_at, now)
        _subtract(self._of_network, network)
        _subtract(self._of_host, host)
        self._admit_next()

    def _admit_next(self) -> None:
        # Those who hold least come first, then the order of arrival, which the sort keeps.
        for turn, holder in sorted(self._waiting.items(), key=lambda item: self._of_network[item[1][0]]):
            if not turn.done() and self._admits(holder):
                del self._waiting[turn]
                self._take(holder)
                turn.set_result(None)


Key = TypeVar("Key")


def _subtract(counts: Counter[Key], key: Key) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
