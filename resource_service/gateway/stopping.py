"""Being asked to stop, as those see it who would otherwise go on for ever."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object]
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopping:
    """Set once the process has been asked to stop: what runs us waits for open streams."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()

    async def wait(self) -> None:
        """Until the process is asked to stop."""
        await self._asked.wait()

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Hear the signals for the length of the context; whoever handled them before still does."""
        if threading.current_thread() is not threading.main_thread():  # where signals are never heard
            yield
            return
        before = {number: signal.getsignal(number) for number in SIGNALS}
        loop = asyncio.get_running_loop()

        def hear(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._asked.set)
            handler = before[signal.Signals(number)]
            if callable(handler):
                handler(number, frame)

        for number in SIGNALS:
            signal.signal(number, hear)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
