"""The calls that wait for an approver, a bounded number for each."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.protocol.call_approval import LIFETIME_S, SELF, CallApproval
from auth_service.storage import keys
from shared.clock import Clock
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

MAX_OF_CALLER = 20
"""Calls of one caller that wait for the same approver."""
MAX_OF_APPROVER = 200


class TooManyPendingError(Exception):
    """As many calls as are allowed wait for a decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCall:
    """A call that waits.

    Attributes:
        caller: the person for whom it is made, or the client that acts for itself.
        expires_at: in seconds since 1970.
    """

    binding: str
    caller: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class PendingCalls:
    """The calls that wait for one approver, oldest first, as they are stored."""

    calls: tuple[PendingCall, ...] = ()


def approver_key(approver: str, subject: str) -> str:
    """Return the name of the list of an approver; `subject` is the person for whom calls are made."""
    return f"{SELF} {subject}" if approver == SELF else approver


class PendingLists:
    """The lists in the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        codec = JsonCodec(PendingCalls)
        self._lists = Collection(store, keys.pending_approvals, codec, lambda _: LIFETIME_S)
        self._clock = clock

    async def of(self, approver: str) -> tuple[PendingCall, ...]:
        """Return the calls that wait.

        Args:
            approver: as `approver_key` returns it.
        """
        stored = await self._lists.get(approver)
        return () if stored is None else self._live(stored)

    async def add(self, approval: CallApproval) -> None:
        """Add a call.

        Raises:
            TooManyPendingError: as many as are allowed wait already.
        """
        owner = approver_key(approval.approver, approval.subject)
        call = PendingCall(binding=approval.binding, caller=approval.caller, expires_at=approval.expires_at)

        def rule(stored: PendingCalls) -> tuple[PendingCalls | None, bool]:
            live = tuple(each for each in self._live(stored) if each.binding != call.binding)
            of_caller = sum(each.caller == call.caller for each in live)
            if of_caller >= MAX_OF_CALLER or len(live) >= MAX_OF_APPROVER:
                return None, False
            return PendingCalls((*live, call)), True

        while (added := await self._lists.update(owner, rule)) is None:
            if await self._lists.create(owner, PendingCalls((call,))):
                return
        if not added:
            raise TooManyPendingError

    async def remove(self, approval: CallApproval) -> None:
        """Remove a call that was decided."""

        def rule(stored: PendingCalls) -> tuple[PendingCalls | None, None]:
            left = tuple(each for each in stored.calls if each.binding != approval.binding)
            return (PendingCalls(left) if left != stored.calls else None), None

        await self._lists.update(approver_key(approval.approver, approval.subject), rule)

    def _live(self, stored: PendingCalls) -> tuple[PendingCall, ...]:
        now = self._clock()
        return tuple(call for call in stored.calls if now < call.expires_at)
