"""Clocks. Only the composition roots read the system clock; everything else gets time as an argument."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

Clock = Callable[[], float]
"""Seconds since 1970, as `time.time` gives them."""


def system_clock() -> float:
    """Return the time of this host."""
    return time.time()


# CLOCK_MONOTONIC stands still on Linux while the machine is suspended.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

steady_clock: Clock = partial(time.clock_gettime, _STEADY)
"""Seconds since an arbitrary moment. Nobody can set this clock, and it runs during suspend."""
