"""Records in the background that a refresh response has arrived (DESIGN D3)."""

from __future__ import annotations

import asyncio

from auth_service.grants.repository import GrantRepository
from auth_service.protocol.grant import Grant
from auth_service.protocol.lost_answers import awaits_confirmation, confirm
from shared.logs import get_logger

_log = get_logger(__name__)

MAX_PENDING = 1_000
"""The maximum number of concurrent writes. Further ones are dropped: the next request repeats them."""

CLOSE_TIMEOUT_S = 2.0


class Confirmations:
    """Writes each confirmation once: later requests read a document that is already confirmed."""

    def __init__(self, grants: GrantRepository) -> None:
        self._grants = grants
        self._pending: dict[tuple[str, int], asyncio.Task[None]] = {}

    def note(self, grant: Grant, generation: int) -> None:
        """Record that a token of that generation was presented. Neither reads nor waits.

        Args:
            grant: the grant as it was read for the request.
        """
        key = grant.grant_id, generation
        if not awaits_confirmation(grant, generation) or key in self._pending:
            return
        if len(self._pending) >= MAX_PENDING:
            return
        task = self._pending[key] = asyncio.create_task(self._write(*key))
        task.add_done_callback(lambda _: self._pending.pop(key, None))

    async def _write(self, grant_id: str, generation: int) -> None:
        try:
            await self._grants.change(grant_id, lambda grant: confirm(grant, generation))
        except Exception as error:  # noqa: BLE001 -- nobody waits; the next request tries again
            _log.warning("a refresh could not be confirmed", grant_id=grant_id, reason=str(error))

    async def aclose(self) -> None:
        """Wait briefly for pending writes, and cancel the rest."""
        pending = list(self._pending.values())
        if not pending:
            return
        await asyncio.wait(pending, timeout=CLOSE_TIMEOUT_S)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
