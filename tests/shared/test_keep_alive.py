"""An idle connection is closed as long after its last response as uvicorn says."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.asgi.keep_alive import UNREAD_S, OneTimerProtocol
from shared.idle_connections import CLIENT_S, SERVER_S

KEEP_ALIVE_S = 5.0


class Loop:
    """Calls what is due when the time moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, call: Callable[[], None]) -> Any:
        timer = (self.now + delay, call)
        self.timers.append(timer)
        return SimpleNamespace(cancel=lambda: self.timers.remove(timer))

    def move_to(self, moment: float) -> None:
        while due := sorted(timer for timer in self.timers if timer[0] <= moment):
            self.timers.remove(due[0])
            self.now = due[0][0]
            due[0][1]()
        self.now = moment


class Connection(OneTimerProtocol):
    """A connection without a server."""

    def __init__(self, loop: Loop) -> None:
        self.loop = cast("Any", loop)
        self.pipeline = deque()
        self.flow = cast("Any", SimpleNamespace(read_paused=False, resume_reading=lambda: None))
        self.transport = cast("Any", SimpleNamespace(is_closing=lambda: False, close=self._close))
        self.server_state = cast("Any", SimpleNamespace(total_requests=0))
        self.timeout_keep_alive = cast("Any", KEEP_ALIVE_S)
        self.timeout_keep_alive_task = None
        self._idle_since = self._idle_timer = self._expired_idle = None
        self.closed_at: float | None = None

    def _close(self) -> None:
        self.closed_at = self.loop.time()

    def receive(self) -> None:
        self._unset_keepalive_if_required()


@pytest.mark.parametrize("moments", [[0.0], [0.0, 1.0], [0.0, 4.9], [0.0, 3.0, 6.0, 9.0, 14.0]])
def test_a_connection_is_closed_after_its_last_response(moments: list[float]) -> None:
    loop = Loop()
    connection = Connection(loop)
    for moment in moments:
        loop.move_to(moment)
        connection.receive()
        connection.on_response_complete()
        assert len(loop.timers) == 1
    loop.move_to(moments[-1] + 100)
    assert connection.closed_at == moments[-1] + KEEP_ALIVE_S + UNREAD_S
    assert loop.timers == []


def test_a_connection_with_a_request_in_progress_stays_open() -> None:
    loop = Loop()
    connection = Connection(loop)
    connection.on_response_complete()
    loop.move_to(1)
    connection.receive()
    loop.move_to(60)
    assert connection.closed_at is None
    connection.on_response_complete()
    loop.move_to(100)
    assert connection.closed_at == 65 + UNREAD_S


def test_a_request_that_is_read_just_after_the_timer_keeps_the_connection_open() -> None:
    loop = Loop()
    connection = Connection(loop)
    connection.on_response_complete()
    loop.move_to(KEEP_ALIVE_S)
    connection.receive()
    loop.move_to(60)
    assert connection.closed_at is None
    connection.on_response_complete()
    loop.move_to(100)
    assert connection.closed_at == 65 + UNREAD_S


def test_our_clients_close_idle_connections_first() -> None:
    assert CLIENT_S < 5 < 120 < SERVER_S
