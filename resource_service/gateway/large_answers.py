"""Room for buffered large answers: bounded in number and in time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import anyio

from resource_service.gateway.concurrency_limit import ConcurrencyLimit
from resource_service.gateway.errors import too_busy
from resource_service.principal import Principal
from shared.fair_queue import FairQueue, QueueFullError

AT_ONCE = 8
AT_ONCE_PER_PRINCIPAL = 4
ROOM_WITHIN_S = 30.0


class LargeAnswers:
    """Counts the large answers of one upstream; the upstream is not read while an answer waits for room.

    Args:
        at_once: how many may be buffered, `at_once_per_principal` of them for one person.
        room_within_s: how long an answer waits for room.
    """

    def __init__(
        self,
        *,
        at_once: int = AT_ONCE,
        at_once_per_principal: int = AT_ONCE_PER_PRINCIPAL,
        room_within_s: float = ROOM_WITHIN_S,
    ) -> None:
        self._at_once = at_once
        self._queue = FairQueue(workers=at_once)
        self._share = ConcurrencyLimit(at_once_per_principal, limit="the fixed limit on large answers")
        self._room_within_s = room_within_s

    @asynccontextmanager
    async def room(self, principal: Principal) -> AsyncIterator[None]:
        """Reserve room for one answer for the length of the context.

        Raises:
            Refusal: no room became free in time.
        """
        async with AsyncExitStack() as held:
            held.enter_context(self._share.slot(principal))
            try:
                with anyio.fail_after(self._room_within_s):
                    await held.enter_async_context(self._queue.turn(principal.owner))
            except (TimeoutError, QueueFullError) as error:
                detail = f"the fixed limit on large answers is reached: {self._at_once} for all users"
                raise too_busy(detail) from error
            yield
