"""A store of which only the clock matters, which a test moves together with the steady clock of the hosts."""

from __future__ import annotations

from typing import Any

from shared.storage import StoreUnavailableError


class MovingStore:
    """`time` of a store.

    Attributes:
        now: the store's clock.
        slow_s: how long an answer takes.
        down: whether there is none.
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self.slow_s = 0.0
        self.down = False
        self._steady = 77.0

    def steady(self) -> float:
        """The steady clock of every host."""
        return self._steady

    def pass_s(self, seconds: float) -> None:
        """Let time pass, for everybody."""
        self.now += seconds
        self._steady += seconds

    async def time(self) -> float:
        if self.down:
            raise StoreUnavailableError("down")
        self.pass_s(self.slow_s)
        return self.now - self.slow_s

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)
