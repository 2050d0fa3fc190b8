"""Delivers the entries of this process to the authorization server, at least every second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from resource_service.errors import Refusal
from resource_service.journal.call_chain import CallChain
from resource_service.journal.call_journal import CallJournal
from resource_service.journal.frames import Frame
from resource_service.journal.omissions import Repetition
from shared.http_exchange import Answer
from shared.in_background import in_background
from shared.journal.chain import read_head
from shared.journal.delivery import MAX_BYTES, Delivery, server_of
from shared.json_text import parse_json
from shared.logs import get_logger

INTERVAL_S = 1.0
MAX_ISOLATED = 8
"""How many refused events of a chain are looked for, before all that wait with them are a gap."""
_ROOM = MAX_BYTES - 256
"""Without the line that names the chain."""

_log = get_logger(__name__)

Post = Callable[[bytes], Awaitable[Answer]]
"""Sends a delivery and returns the answer; raises a `Refusal` if there is none."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The authorization server's answer to a delivery.

    Attributes:
        through: the last entry of the chain that it has.
        head: of its own chain.
    """

    status: int
    through: int = 0
    head: Any = None


class Deliveries:
    """Delivers one chain after the other, in order.

    Entries stay until the authorization server has them. Sending them again changes nothing there.
    """

    def __init__(self, journal: CallJournal, post: Post, *, interval_s: float = INTERVAL_S) -> None:
        self._journal = journal
        self._post = post
        self._interval_s = interval_s
        self._warned = False

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Deliver in the background; at the end of the context, deliver what is left."""
        try:
            async with in_background(self._follow()):
                yield
        finally:
            await self._try()

    async def flush(self) -> None:
        """Deliver everything that the authorization server accepts.

        It may refuse a chain, such as that of an earlier process, which must not hold up the others.
        """
        for chain in tuple(self._journal.chains):
            status = await self._deliver(chain)
            if not 200 <= status < 500:
                return
            is_over = chain is not self._journal.current and not chain.buffer.undelivered
            if status == 200 and is_over:
                await self._journal.remove(chain)

    async def _follow(self) -> NoReturn:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval_s):
                    await self._journal.has_much.wait()
            self._journal.has_much.clear()
            if not await self._try():
                await asyncio.sleep(self._interval_s)

    async def _try(self) -> bool:
        try:
            await self.flush()
        except Exception as error:  # noqa: BLE001 -- deliveries must not end before the service does
            _log.error("the journal of calls was not delivered", exc_info=error)
        return not self._warned

    async def _deliver(self, chain: CallChain) -> int:
        """Deliver a chain; return the status of the answer that was not 200, 0 for none, or else 200."""
        await chain.commit()
        writes, isolated = None, 0
        while frames := chain.buffer.deliverable(_ROOM)[:writes]:
            outcome = await self._outcome(
                Delivery(chain.buffer.head.writer, tuple(frame.lines for frame in frames))
            )
            match outcome.status:
                case 200:
                    self._warned = False
                    if outcome.head is not None:
                        self._journal.keep_head(read_head(outcome.head))
                    await chain.deliver(outcome.through, self._journal.heads)
                case 400 if len(frames) > 1:
                    writes = len(frames) // 2  # one of the others may be the reason
                case 400 if (repetition := self._without_refused(chain, frames[0], isolated)) is not None:
                    isolated += repetition is Repetition.WITHOUT_FIRST
                    writes, chain = None, await self._journal.replace(chain, repetition)
                    if repetition is Repetition.NONE:
                        return 400
                case 409:
                    _log.error(
                        "the authorization server has lost a part of the journal", through=outcome.through
                    )
                    await self._journal.replace(chain, Repetition.ALL)
                    return 409
                case _:
                    return outcome.status
        return 200

    def _without_refused(self, chain: CallChain, frame: Frame, isolated: int) -> Repetition | None:
        """Return what is repeated of a chain whose first frame is refused; None to keep the chain as it is.

        An earlier authorization server refuses events of kinds that it does not have, and the earliest ones
        every chain: its upgrade is awaited.
        """
        writer = chain.buffer.head.writer
        if frame.entries > 1:
            return Repetition.EACH_ALONE
        if frame.last.sequence > 1 and isolated < MAX_ISOLATED:
            _log.error("the authorization server does not accept an event", chain=writer)
            return Repetition.WITHOUT_FIRST
        if frame.last.sequence == 1 and server_of(writer) == server_of(
            self._journal.current.buffer.head.writer
        ):
            return None
        _log.error("the authorization server does not accept the journal", chain=writer)
        return Repetition.NONE

    async def _outcome(self, delivery: Delivery) -> _Outcome:
        try:
            answer = await self._post(delivery.to_wire())
        except Refusal as refusal:
            self._warn(str(refusal))
            return _Outcome(0)
        if answer.status not in (200, 409):
            self._warn(f"status {answer.status}")
            return _Outcome(answer.status)
        try:
            members: Any = parse_json(answer.body)
            return _Outcome(answer.status, int(members.get("through", 0)), members.get("head"))
        except (ValueError, TypeError, AttributeError):
            self._warn("the answer is malformed")
            return _Outcome(0)

    def _warn(self, reason: str) -> None:
        if not self._warned:
            self._warned = True
            _log.warning("calls are not reported to the authorization server", reason=reason)
