"""Sends the counted calls to the authorization server every few seconds, and when the service stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import NoReturn

from resource_service.errors import Refusal
from resource_service.journal.calls import CallCounts
from shared.call_events import CallBatch
from shared.logs import get_logger

INTERVAL_S = 10.0
_OK, _TOO_MANY, _SERVER_ERROR, _NO_ANSWER = 200, 429, 500, 0
_SEND_AGAIN = (_NO_ANSWER, _TOO_MANY)

_log = get_logger(__name__)

Post = Callable[[dict[str, object]], Awaitable[int]]
"""Sends a batch and returns the status of the answer; raises a `Refusal` if there is none."""


class CallReports:
    """Sends one batch at a time: a batch without an answer is sent again, under its id, before the next one.

    While the authorization server is away, calls are counted on within the bounds of `CallCounts`.
    """

    def __init__(self, counts: CallCounts, post: Post, *, interval_s: float = INTERVAL_S) -> None:
        self._counts = counts
        self._post = post
        self._interval_s = interval_s
        self._pending: CallBatch | None = None
        self._warned = False

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Report in the background; at the end of the context, report what is left."""
        reporting = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            reporting.cancel()
            with suppress(asyncio.CancelledError):
                await reporting
            await self.flush()

    async def flush(self) -> None:
        """Send everything that was counted, until the authorization server does not accept a batch."""
        while (batch := self._pending or self._counts.take()) is not None:
            self._pending = batch
            status = await self._status_of(batch)
            if status in _SEND_AGAIN or status >= _SERVER_ERROR:
                return
            self._pending = None
            if status != _OK:
                self._counts.add_gap(batch)  # it would be refused again
                return

    async def _follow(self) -> NoReturn:
        while True:
            await asyncio.sleep(self._interval_s)
            try:
                await self.flush()
            except Exception as error:  # noqa: BLE001 -- reports must not end before the service does
                _log.error("the report of calls failed", exc_info=error)

    async def _status_of(self, batch: CallBatch) -> int:
        """Send a batch and return the status of the answer; `_NO_ANSWER` without one."""
        try:
            status = await self._post(batch.to_wire())
        except Refusal as refusal:
            self._warn(str(refusal))
            return _NO_ANSWER
        if status == _OK:
            self._warned = False
        else:
            self._warn(f"status {status}")
        return status

    def _warn(self, reason: str) -> None:
        if not self._warned:
            self._warned = True
            _log.warning("calls are not reported to the authorization server", reason=reason)
