"""An event loop whose pauses take no time: the same history always runs in the same order."""

from __future__ import annotations

import asyncio


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Moves its clock to the next timer when nothing else is left to do."""

    def __init__(self) -> None:
        super().__init__()
        self._simulated = 0.0

    def time(self) -> float:
        return self._simulated

    def _run_once(self) -> None:
        ready, timers = self._ready, self._scheduled  # type: ignore[attr-defined]
        if not ready and timers:
            self._simulated = max(self._simulated, timers[0].when())
        super()._run_once()  # type: ignore[misc]
