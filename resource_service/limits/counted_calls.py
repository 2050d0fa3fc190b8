"""The counts and slots of one request, until it has ended."""

from __future__ import annotations

from typing import NamedTuple

from resource_service.limits.counts import Counter, Counts
from resource_service.limits.slots import Slot, Slots
from resource_service.reasons import Reason
from shared.clock import Clock
from shared.logs import get_logger
from shared.reasons import ReasonCode
from shared.storage import StoreUnavailableError
from shared.storage.interface import Count

NOT_FORWARDED: frozenset[ReasonCode] = frozenset(
    {
        *(Reason.LIMIT_EXCEEDED, Reason.STORE_UNAVAILABLE, Reason.JOURNAL_UNAVAILABLE),
        *(Reason.DEFINITION_HELD, Reason.LIST_UNREADABLE, Reason.HEADERS_CONTRADICT_BODY),
        *(Reason.MEDIA_TYPE_NOT_ACCEPTED, Reason.NOT_FORWARDABLE, Reason.SESSION_HEADER_INVALID),
        *(
            Reason.SESSION_UNKNOWN,
            Reason.REQUEST_ID_IN_USE,
            Reason.UPSTREAM_UNREACHABLE,
            Reason.UPSTREAM_BUSY,
        ),
        *(Reason.COMMAND_NOT_STARTED, Reason.NOT_CONNECTED, Reason.ACCOUNT_OF_NO_PERSON),
        *(Reason.APPROVAL_NEEDED, Reason.APPROVAL_DENIED, Reason.APPROVALS_PENDING),
        *(Reason.CALL_NOT_APPROVABLE, Reason.POLICY_CHANGED),
        *(Reason.ACCOUNT_PROVIDER_UNAVAILABLE, Reason.ACCOUNT_NOT_CONFIGURED),
    }
)
"""Reasons for which the MCP server never got the request: its calls do not count."""

_log = get_logger(__name__)


class Counted(NamedTuple):
    """A count that can be given back until its window ends."""

    counter: Counter
    by: int
    until: float


class CountedCalls:
    """The counts and slots of one request.

    Args:
        clock: measures windows.
    """

    __slots__ = ("_clock", "_counted", "_counts", "_slots", "_taken")

    def __init__(self, counts: Counts, slots: Slots, clock: Clock) -> None:
        self._counts = counts
        self._slots = slots
        self._clock = clock
        self._counted: list[Counted] = []
        self._taken: list[Slot] = []

    async def count(self, counter: Counter, by: int) -> Count:
        """Count calls, unless there would be too many.

        Raises:
            StoreUnavailableError: it is not known whether they were counted.
        """
        asked_at = self._clock()
        count = await self._counts.count(counter, by)
        if count.admitted:
            # `remaining_s` is rounded up: later than this, the next window may have begun, with other calls.
            self._counted.append(Counted(counter, by, asked_at + count.remaining_s - 1))
        return count

    async def take(self, owner: tuple[str, ...], maximum: int) -> bool:
        """Take a slot; return False if none is free.

        Raises:
            StoreUnavailableError: it is not known whether one is free.
        """
        slot = await self._slots.take(owner, maximum)
        if slot is not None:
            self._taken.append(slot)
        return slot is not None

    async def refused(self, reason: ReasonCode) -> None:
        """Note why this service answered instead of the MCP server; calls that it never got do not count."""
        if reason in NOT_FORWARDED:
            await self.give_back()

    async def give_back(self) -> None:
        """Give back what was counted."""
        counted, self._counted = self._counted, []
        for each in counted:
            if self._clock() < each.until:
                await self._uncount(each)

    def end(self) -> None:
        """Free the slots."""
        taken, self._taken = self._taken, []
        for slot in taken:
            self._slots.free(slot)

    async def _uncount(self, counted: Counted) -> None:
        try:
            await self._counts.uncount(counted.counter, counted.by)
        except StoreUnavailableError as error:
            _log.warning("a call that was not forwarded stays counted", detail=str(error))
