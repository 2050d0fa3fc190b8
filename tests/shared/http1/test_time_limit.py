"""One timer limits one wait after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from shared.http1.errors import SilentError
from shared.http1.time_limit import TimeLimit


class Timer:
    """A timer of `Loop`."""

    def __init__(self, at: float, callback: Callable[[], None]) -> None:
        self.at = at
        self.callback = callback
        self.is_cancelled = False

    def when(self) -> float:
        return self.at

    def cancel(self) -> None:
        self.is_cancelled = True


class Loop:
    """An event loop whose time a test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., None], *arguments: Any) -> Timer:
        timer = Timer(when, lambda: callback(*arguments))
        self.timers.append(timer)
        return timer

    def run_until(self, time: float) -> None:
        while due := [timer for timer in self.timers if timer.at <= time and not timer.is_cancelled]:
            timer = min(due, key=Timer.when)
            self.timers.remove(timer)
            self.now = timer.at
            timer.callback()
        self.now = time

    @property
    def running(self) -> int:
        return sum(not timer.is_cancelled for timer in self.timers)


class Waits:
    """Waits with a time limit, and the errors that ended them."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.errors: list[SilentError] = []
        self.limit = TimeLimit(self.errors.append)

    def begin(self, within_s: float, reason: str = "nothing comes") -> None:
        self.limit.begin(cast("asyncio.AbstractEventLoop", self.loop), within_s, reason)


def test_waits_that_end_in_time_share_a_timer() -> None:
    waits = Waits()
    for second in range(100):
        waits.loop.run_until(second)
        waits.begin(10)
        assert waits.loop.running == 1
        waits.limit.end()
    assert len(waits.loop.timers) == 1
    waits.loop.run_until(1_000)
    assert (waits.errors, waits.loop.running) == ([], 0)


def test_a_wait_ends_at_its_own_time_whatever_was_before() -> None:
    waits = Waits()
    waits.begin(10)
    waits.limit.end()
    waits.loop.run_until(5)
    waits.begin(10)
    waits.loop.run_until(14.9)
    assert waits.errors == []
    waits.loop.run_until(15)
    assert list(map(str, waits.errors)) == ["nothing comes for 10 s"]


def test_a_shorter_wait_does_not_wait_for_the_timer_of_a_longer_one() -> None:
    waits = Waits()
    waits.begin(86_400)
    waits.limit.end()
    waits.begin(5, "nothing is received")
    assert waits.loop.running == 1
    waits.loop.run_until(5)
    assert list(map(str, waits.errors)) == ["nothing is received for 5 s"]


def test_no_timer_is_left_once_it_was_stopped() -> None:
    waits = Waits()
    waits.begin(5)
    waits.limit.stop()
    assert waits.loop.running == 0
