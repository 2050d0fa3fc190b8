"""Hearing that the process is asked to stop, beside whoever handles the signals otherwise."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object]
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def called_when_stopping(stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` in the event loop at SIGTERM and SIGINT, for the length of the context.

    What runs us waits for open answers before anything else ends. The handlers from before are called, too.
    """
    if threading.current_thread() is not threading.main_thread():  # where signals are never heard
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    loop = asyncio.get_running_loop()

    def hear(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in SIGNALS:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is hear:  # whoever has come since keeps it
                signal.signal(number, handler)
