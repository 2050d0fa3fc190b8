"""Time as an argument: nothing reads the system clock but the composition roots, through here."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since 1970, as `time.time` gives them."""

system_clock: Clock = time.time
