"""The store's clock, for all processes that share the store.

A code or token may be presented to another process than the one that issued it. Hosts whose clocks differ
would refuse each other's codes, and take retries for reuse. The store's clock is measured every few seconds,
never for a request; in between, the steady clock of the host continues it.

It never goes back. If the store's clock jumps, which happens at a failover to a host with another time, this
clock runs slower or faster until it agrees again: processes that watched the jump stay together, and no code
or grace window ends at once.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from shared.clock import Clock, steady_clock, system_clock
from shared.in_background import in_background
from shared.logs import get_logger
from shared.storage.interface import Store, StoreUnavailableError

_log = get_logger(__name__)

MEASURE_EVERY_S = 3.0
MAX_RATE_CHANGE = 0.25
"""How much faster or slower the clock may run: a code for a minute is then good for at least 48 seconds."""
SLOWEST_ANSWER_S = 0.5
"""A measurement that took longer says too little, unless it is the first."""
FARTHEST_S = 3_600
"""A store whose clock differs more from the host's is wrong, or the host is: then the host's is followed."""
TOLERATED_S = 5
"""A difference between the host and the store that is not worth a warning."""


@dataclass(frozen=True, slots=True)
class Steering:
    """A clock that is being set right without a jump; pure.

    Attributes:
        steady_at: the steady clock when it was measured.
        base: the clock at that moment.
        error_s: what has to be added to it in time.
    """

    steady_at: float
    base: float
    error_s: float = 0.0

    def read(self, steady: float) -> float:
        """Return the time when the steady clock reads `steady`."""
        passed = steady - self.steady_at
        most = passed * MAX_RATE_CHANGE
        if -most <= self.error_s <= most:  # nearly always; a request reads this clock six times
            return self.base + passed + self.error_s
        passed = max(0.0, passed)
        corrected = min(abs(self.error_s), passed * MAX_RATE_CHANGE)
        return self.base + passed + math.copysign(corrected, self.error_s)

    def measured(self, steady: float, target: float) -> Steering:
        """Return the clock after the right time was found to be `target`."""
        base = self.read(steady)
        return Steering(steady, base, target - base)


class StoreClock:
    """A `Clock`: the host's time until it is first measured, then the store's."""

    def __init__(self, store: Store, system: Clock = system_clock, steady: Clock = steady_clock) -> None:
        self._store = store
        self._system = system
        self._steady = steady
        self._steering: Steering | None = None
        self._complained = False

    def __call__(self) -> float:
        return self._system() if self._steering is None else self._steering.read(self._steady())

    async def measure(self) -> None:
        """Ask the store for its time.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        asked_at = self._steady()
        time = await self._store.time()
        answered_at = self._steady()
        if self._steering and answered_at - asked_at > SLOWEST_ANSWER_S:
            return
        target = self._believed(time + (answered_at - asked_at) / 2)
        if self._steering is None:
            self._steering = Steering(answered_at, target)
        else:
            self._steering = self._steering.measured(answered_at, target)

    def _believed(self, time: float) -> float:
        host = self._system()
        self._complain(time - host)
        return time if abs(time - host) <= FARTHEST_S else host

    def _complain(self, difference_s: float) -> None:
        differs = abs(difference_s) > TOLERATED_S
        if differs and not self._complained:
            _log.warning(
                "the clocks of this host and of the store differ",
                difference_s=round(difference_s),
                followed="store" if abs(difference_s) <= FARTHEST_S else "host",
            )
        self._complained = differs

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Follow the store's clock within the context, which begins with a measurement."""
        await self.measure()
        async with in_background(self._follow()):
            yield

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(MEASURE_EVERY_S)
            with suppress(StoreUnavailableError):  # it goes on at the host's rate
                await self.measure()
