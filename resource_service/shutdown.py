"""Hearing that the process is asked to stop, beside other handlers of the signals."""

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
    take_back = call_when_stopping(stop)
    try:
        yield
    finally:
        take_back()


def call_when_stopping(stop: Callable[[], object]) -> Callable[[], None]:
    """The same for as long as the event loop runs.

    Returns:
        what takes it back.
    """
    if threading.current_thread() is not threading.main_thread():  # where signals are never heard
        return lambda: None
    before = {number: signal.getsignal(number) for number in SIGNALS}
    loop = asyncio.get_running_loop()

    def hear(number: int, frame: FrameType | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in SIGNALS:
        signal.signal(number, hear)
    return lambda: _restore(before, hear)


def _restore(before: dict[signal.Signals, Handler | int | None], hear: Handler) -> None:
    for number, handler in before.items():
        if signal.getsignal(number) is hear:  # a later handler stays
            signal.signal(number, handler)
