"""Approvals of calls in the store: requested, decided once, and used once (GW-6)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection as Names
from contextlib import suppress
from dataclasses import dataclass

from auth_service.call_approvals.pending import PendingLists, approver_key
from auth_service.crypto.secrets import new_id
from auth_service.current_links import CurrentLinks, current_ids
from auth_service.journal.account_events import AccountAction, AccountEvents
from auth_service.protocol.call_approval import (
    GROUP,
    LIFETIME_S,
    SELF,
    USE_WITHIN_S,
    CallApproval,
    RequestedCall,
    State,
)
from auth_service.storage import keys
from shared.clock import Clock
from shared.storage.documents import Collection
from shared.storage.interface import Store, StoreUnavailableError
from shared.storage.json_codec import JsonCodec

_KEPT_S = LIFETIME_S + max(LIFETIME_S, USE_WITHIN_S)
_CLAIMED_S = 30
"""How long one decision keeps others out: longer than it takes, if its process does not die meanwhile."""

_READ_EVERY_S, _READINGS = 0.05, 40


class DecisionUnderWayError(Exception):
    """Somebody else decides the approval at this moment, or began to and failed: it can be decided later."""


@dataclass(frozen=True, kw_only=True)
class CallApprovals:
    """The approvals in the store.

    Attributes:
        by_id: by the id in the link.
        current: the approval that answers for a binding.
        pending: what waits for each approver.
    """

    by_id: Collection[CallApproval]
    current: CurrentLinks[CallApproval]
    pending: PendingLists
    events: AccountEvents
    clock: Clock

    async def request(self, call: RequestedCall, *, use: bool) -> CallApproval:
        """Return the approval that answers for a call; a new one if there is none.

        Args:
            use: whether to use the approval if it is given. The caller must run the call exactly if the
                state of the returned approval is `State.USED`.

        Raises:
            TooManyPendingError: nothing new may wait for the approver.
            StoreUnavailableError: the approval is not used, or its use is not recorded: the call must not
                run.
        """
        approval = await self.current.link_for(call.binding, lambda: self._new(call))
        if use and approval.state == State.APPROVED:
            used = await self._used(approval, call.binding)
            # Another call was faster: it is approved once.
            return used or await self.current.link_for(call.binding, lambda: self._new(call))
        return approval

    async def get(self, approval_id: str) -> CallApproval | None:
        """Return an approval that has not expired; None if there is none."""
        approval = await self.by_id.get(approval_id)
        return approval if approval is not None and self.clock() < approval.expires_at else None

    async def decide(self, approval: CallApproval, *, approve: bool, by: str, **about: str) -> State:
        """Decide an approval, unless it has been decided; return its state.

        Args:
            by: the subject, who may decide.
            about: for the journal.

        Returns:
            the state; `State.PENDING` if the approval has expired.

        Raises:
            DecisionUnderWayError: another decision has begun, and is not stored yet.
            StoreUnavailableError: the decision may not be stored. It is safe to repeat it.
        """
        # The event is recorded before the decision, so only one of two who decide at once may record it.
        claim = keys.once("approval-decided", approval.approval_id)
        store = self.by_id.store
        if not await store.put_once(claim, ttl_s=_CLAIMED_S):
            return await self._decision_of_another(approval)
        try:
            state = await self._decide(approval, approve=approve, by=by, **about)
        finally:
            with suppress(StoreUnavailableError):  # the claim expires soon, and this must not hide an error
                await store.delete(claim)
        await self.pending.remove(approval)
        return state

    async def _decide(self, approval: CallApproval, *, approve: bool, by: str, **about: str) -> State:
        action = AccountAction.CALL_APPROVED if approve else AccountAction.CALL_DENIED

        def rule(stored: CallApproval) -> tuple[CallApproval | None, State]:
            decided = stored.decided(approve=approve, by=by, now=self.clock())
            return decided, State((decided or stored).state)

        async def before(_decided: CallApproval) -> None:
            await self._record(action, approval, by=by, **about)

        state = await self.by_id.update(approval.approval_id, rule, before=before)
        return state or State.PENDING

    async def _decision_of_another(self, approval: CallApproval) -> State:
        """Return the state once the other decision is stored.

        Raises:
            DecisionUnderWayError: that takes too long.
        """
        for _ in range(_READINGS):
            stored = await self.by_id.get(approval.approval_id)
            if stored is None or not stored.is_open(self.clock()):
                return State(stored.state) if stored else State.PENDING
            await asyncio.sleep(_READ_EVERY_S)
        raise DecisionUnderWayError

    async def waiting_for(self, subject: str, groups: Names[str]) -> list[CallApproval]:
        """Return the approvals that a person may decide now, the oldest first.

        Args:
            groups: those of the person.
        """
        owners = [approver_key(SELF, subject), *(f"{GROUP}{group}" for group in sorted(groups))]
        calls = [call for owner in owners for call in await self.pending.of(owner)]
        approvals = [await self.current.find(call.binding) for call in calls]
        now = self.clock()
        return [
            each
            for each in approvals
            if each is not None and each.is_open(now) and each.may_be_decided_by(subject, groups)
        ]

    async def _new(self, call: RequestedCall) -> CallApproval:
        approval = CallApproval(
            approval_id=new_id(),
            binding=call.binding,
            subject=call.subject,
            client_id=call.client_id,
            resource=call.resource,
            approver=call.approver,
            tool=call.tool,
            call=call.call,
            mount=call.mount,
            expires_at=int(self.clock()) + LIFETIME_S,
        )
        await self.pending.add(approval)
        await self._record(AccountAction.APPROVAL_REQUESTED, approval, approver=approval.approver)
        return approval

    async def _used(self, approval: CallApproval, binding: str) -> CallApproval | None:
        def rule(stored: CallApproval) -> tuple[CallApproval | None, CallApproval | None]:
            used = stored.used(binding, self.clock())
            return used, used

        used = await self.by_id.update(approval.approval_id, rule)
        if used is not None:
            # Afterwards, so that only the one use is recorded. If that fails, the call does not run.
            await self._record(AccountAction.APPROVAL_USED, used, by=used.decided_by)
        return used

    async def _record(self, action: AccountAction, approval: CallApproval, **about: str) -> None:
        await self.events.record(
            action,
            approval.caller,
            approval=approval.binding,
            resource=approval.resource,
            client_id=approval.client_id,
            name=approval.tool,
            **({"mount": approval.mount} if approval.mount else {}),
            **about,
        )


def call_approvals(store: Store, clock: Clock, events: AccountEvents) -> CallApprovals:
    """Create the approvals of a store."""
    by_id = Collection(store, keys.call_approval, JsonCodec(CallApproval), lambda _: _KEPT_S)
    return CallApprovals(
        by_id=by_id,
        current=CurrentLinks(
            links=by_id,
            ids=current_ids(store, keys.call_approval_of, _KEPT_S),
            id_of=lambda approval: approval.approval_id,
            is_live=lambda approval: approval.stands(clock()),
        ),
        pending=PendingLists(store, clock),
        events=events,
        clock=clock,
    )
