"""Records in the background that a token was presented: it arrived (DESIGN D3) and is in use."""

from __future__ import annotations

import asyncio

from auth_service.grants.repository import GrantRepository
from auth_service.protocol.grant import Grant
from auth_service.protocol.grant_use import is_worth_recording, record_presented
from auth_service.protocol.lost_writes import advanced
from shared.cancellation import cancel_and_wait
from shared.clock import Clock, system_clock
from shared.logs import get_logger

_log = get_logger(__name__)

MAX_PENDING = 1_000
"""The maximum number of concurrent writes. Further ones are dropped: the next request repeats them."""

CLOSE_TIMEOUT_S = 2.0


class Confirmations:
    """Writes each confirmation once: later requests read a document that is already confirmed.

    A use is written only if the last recorded one is old enough.
    """

    def __init__(self, grants: GrantRepository, clock: Clock = system_clock) -> None:
        self._grants = grants
        self._clock = clock
        self._pending: dict[tuple[str, int], asyncio.Task[None]] = {}

    def note(self, grant: Grant, generation: int) -> None:
        """Record that a token of that generation was presented. Neither reads nor waits.

        Args:
            grant: the grant as it was read for the request, in the generation of the token if that is newer.
        """
        key = grant.grant_id, generation
        if key in self._pending or not is_worth_recording(grant, generation, int(self._clock())):
            return
        if len(self._pending) >= MAX_PENDING:
            return
        task = self._pending[key] = asyncio.create_task(self._write(grant, generation))
        task.add_done_callback(lambda _: self._pending.pop(key, None))

    async def _write(self, grant: Grant, generation: int) -> None:
        now, grant_id = int(self._clock()), grant.grant_id
        try:
            await self._grants.change(
                grant_id, lambda stored: record_presented(advanced(stored, grant), generation, now)
            )
        except Exception as error:  # noqa: BLE001 -- nobody waits; the next request tries again
            _log.warning("the use of a token could not be recorded", grant_id=grant_id, reason=str(error))

    async def aclose(self) -> None:
        """Wait briefly for pending writes, and cancel the rest."""
        pending = list(self._pending.values())
        if not pending:
            return
        await asyncio.wait(pending, timeout=CLOSE_TIMEOUT_S)
        await cancel_and_wait(*pending)
