"""uvicorn's HTTP protocol with one keep-alive timer for a connection, instead of one for each response."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

UNREAD_S = 0.01
"""After this time the event loop has read what had arrived when it called a timer."""


class OneTimerProtocol(HttpToolsProtocol):
    """Closes an idle connection when uvicorn does, but never one whose next request has already arrived.

    A timer for each response would be started and cancelled with each request. This one keeps running, and
    looks at its end how long the connection has been idle.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- those of uvicorn
        super().__init__(*args, **kwargs)
        self._idle_since: float | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._expired_idle: float | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        super().connection_lost(exc)
        if self._idle_timer is not None:
            self._idle_timer.cancel()

    def on_response_complete(self) -> None:
        """Go on with the pipeline, or wait for the next request."""
        if self.pipeline or self.flow.read_paused or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._check_idle)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None
        if self.timeout_keep_alive_task is not None:
            super()._unset_keepalive_if_required()

    def _check_idle(self) -> None:
        self._idle_timer = None
        if self._idle_since is None:
            return
        left_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._idle_timer = self.loop.call_later(left_s, self._check_idle)
        elif self._expired_idle != self._idle_since:
            # After a pause of the process, the timer is due while a request is still unread.
            self._expired_idle = self._idle_since
            self._idle_timer = self.loop.call_later(UNREAD_S, self._check_idle)
        else:
            self.timeout_keep_alive_handler()
