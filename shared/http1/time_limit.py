"""The time limit of the waits of one connection, which follow each other, by one timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from shared.http1.errors import SilentError


class TimeLimit:
    """Ends a wait that takes too long.

    A timer for each wait would be started and cancelled with each request. This one keeps running, and looks
    at its end whether the current wait is over.

    Args:
        expire: ends the wait.
    """

    __slots__ = ("_ends_at", "_expire", "_reason", "_timer", "_within_s")

    def __init__(self, expire: Callable[[SilentError], None]) -> None:
        self._expire = expire
        self._timer: asyncio.TimerHandle | None = None
        self._ends_at: float | None = None
        self._within_s = 0.0
        self._reason = ""

    def begin(self, loop: asyncio.AbstractEventLoop, within_s: float, reason: str) -> None:
        """Begin a wait; `reason` is what it means if it takes longer."""
        self._within_s, self._reason = within_s, reason
        self._ends_at = ends_at = loop.time() + within_s
        if self._timer is None or self._timer.when() > ends_at:
            self.stop()
            self._timer = loop.call_at(ends_at, self._check, loop)

    def end(self) -> None:
        """End the wait."""
        self._ends_at = None

    def stop(self) -> None:
        """Stop the timer, which a later wait starts again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._ends_at is None:
            return
        if self._ends_at > loop.time():
            self._timer = loop.call_at(self._ends_at, self._check, loop)
        else:
            self._expire(SilentError(f"{self._reason} for {self._within_s:g} s"))
