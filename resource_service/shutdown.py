"""Call back when the process is asked to stop, alongside other signal handlers."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object]
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def called_when_stopping(stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` in the event loop on SIGTERM and SIGINT, for the length of the context.

    The server waits for open responses before anything else ends. Earlier handlers are called as well.
    """
    take_back = call_when_stopping(stop)
    try:
        yield
    finally:
        take_back()


def call_when_stopping(stop: Callable[[], object]) -> Callable[[], None]:
    """Do the same for as long as the event loop runs.

    Returns:
        a function that restores the previous handlers.
    """
    if threading.current_thread() is not threading.main_thread():  # only the main thread receives signals
        return lambda: None
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    # None is a handler that C code installed: it could neither be called nor restored.
    before = {number: handler for number, handler in handlers.items() if handler is not None}
    loop = asyncio.get_running_loop()

    def hear(number: int, frame: FrameType | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        elif handler == signal.SIG_DFL:  # which ends the process
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    for number in before:
        signal.signal(number, hear)
    return lambda: _restore(before, hear)


def _restore(before: dict[signal.Signals, Handler | int], hear: Handler) -> None:
    for number, handler in before.items():
        if signal.getsignal(number) is hear:  # do not replace a later handler
            signal.signal(number, handler)
