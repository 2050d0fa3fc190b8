"""A way to wake everybody who waits for a change."""

from __future__ import annotations

import asyncio


class Notifier:
    """Wakes all who wait at the moment it is sent. Look at what may have changed, then wait, in a loop."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def send(self) -> None:
        """Wake everybody."""
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self) -> None:
        """Until it is sent next."""
        await self._next.wait()
