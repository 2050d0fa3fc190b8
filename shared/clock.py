"""Time as an argument: nothing reads the system clock but the composition roots, through here."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since 1970, as `time.time` gives them."""

system_clock: Clock = time.time

# CLOCK_MONOTONIC stands still on Linux while the machine is suspended.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def steady_clock() -> float:
    """Seconds that have passed since some moment: no one sets this clock, and it goes on through a sleep."""
    return time.clock_gettime(_STEADY)
