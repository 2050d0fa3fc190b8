"""An event loop whose timers a test can let expire: background work of days happens within seconds."""

from __future__ import annotations

import asyncio

NAME = "tests.simulation.shifted_loop:shifted_loop"
"""The loop by the name that uvicorn imports it by."""


class ShiftedLoop(asyncio.SelectorEventLoop):
    """Runs in real time, set ahead as far as a test says."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self._ahead_s

    def advance(self, seconds: float) -> None:
        """Let every timer of the next `seconds` expire; from any thread."""

        def set_ahead() -> None:
            self._ahead_s += seconds

        self.call_soon_threadsafe(set_ahead)


LOOPS: list[ShiftedLoop] = []
"""Every loop so far; the last one is that of the server started last."""


def shifted_loop() -> ShiftedLoop:
    """Create a loop, as uvicorn does."""
    LOOPS.append(ShiftedLoop())
    return LOOPS[-1]
