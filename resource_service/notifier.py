"""A notifier that wakes all waiters after a change."""

from __future__ import annotations

import asyncio


class Notifier:
    """Wakes all current waiters on `send`. Check the condition, then wait, in a loop."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def send(self) -> None:
        """Wake all waiters."""
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the next `send`."""
        await self._next.wait()
