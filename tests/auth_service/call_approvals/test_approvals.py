"""One approval lets one call run, over all processes, and only what was approved (GW-6)."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import cast

import pytest

from auth_service.call_approvals import approvals as module
from auth_service.call_approvals.approvals import CallApprovals, DecisionUnderWayError
from auth_service.call_approvals.pending import MAX_OF_CALLER, TooManyPendingError
from auth_service.protocol.call_approval import LIFETIME_S, USE_WITHIN_S, CallApproval, State
from auth_service.storage import keys
from shared.storage import Store, StoreUnavailableError
from tests.auth_service.call_approvals.contender import CALL, Actions, approvals_in, runs_of, use_at_once
from tests.outages import NEVER, FailingStore
from tests.storage import contenders

pytestmark = [pytest.mark.requirement("GW-6"), pytest.mark.anyio]

PROCESSES, TIMES, SEEDS = 4, 10, 20


@pytest.fixture
def approvals(store: Store) -> CallApprovals:
    return approvals_in(store)


async def approved(approvals: CallApprovals) -> CallApproval:
    pending = await approvals.request(CALL, use=True)
    assert pending.state == State.PENDING
    assert await approvals.decide(pending, approve=True, by="ada") is State.APPROVED
    return pending


async def test_one_of_all_processes_may_run_the_call(store_url: str, approvals: CallApprovals) -> None:
    await approved(approvals)
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(PROCESSES)
    with ProcessPoolExecutor(
        PROCESSES, mp_context=context, initializer=contenders.share_gate, initargs=(gate,)
    ) as pool:
        loop = asyncio.get_running_loop()
        runs = [loop.run_in_executor(pool, use_at_once, store_url, TIMES) for _ in range(PROCESSES)]
        assert sum(await asyncio.gather(*runs)) == 1


DECISIONS = ("call approved", "call denied")


async def test_two_approvers_at_once_make_one_decision_with_one_event_and_at_most_one_run(
    store: Store,
) -> None:
    journal = Actions()
    approvals = approvals_in(store, journal=journal)
    for seed in range(SEEDS):
        journal.actions.clear()
        chance = random.Random(seed)  # noqa: S311 -- a seed
        pending = await approvals.request(CALL, use=True)
        assert pending.state == State.PENDING
        choices = [chance.random() < 0.7, chance.random() < 0.7]
        both = (approvals.decide(pending, approve=each, by="ada") for each in choices)
        states, runs = await asyncio.gather(asyncio.gather(*both), runs_of(approvals, 2))
        assert states[0] is states[1] or State.USED in states
        (decision,) = (action for action in journal.actions if action in DECISIONS)
        stored = await approvals.get(pending.approval_id)
        assert stored is not None
        runs += await runs_of(approvals, 2)
        assert runs == (stored.state != State.DENIED)
        assert decision == DECISIONS[stored.state == State.DENIED]
        if stored.state == State.DENIED:
            assert not all(choices)
            await approvals.by_id.delete(pending.approval_id)
        else:
            assert any(choices)
            again = await approvals.request(CALL, use=True)
            await approvals.by_id.delete(again.approval_id)


async def test_a_denied_call_stays_denied_also_if_it_is_approved_then(approvals: CallApprovals) -> None:
    pending = await approvals.request(CALL, use=True)
    assert await approvals.decide(pending, approve=False, by="ada") is State.DENIED
    assert await approvals.decide(pending, approve=True, by="bob") is State.DENIED
    assert (await approvals.request(CALL, use=True)).state == State.DENIED
    assert await runs_of(approvals, 3) == 0


async def test_a_decision_that_cannot_be_recorded_is_not_made_and_can_be_made_later(store: Store) -> None:
    journal = Actions()
    approvals = approvals_in(store, journal=journal)
    pending = await approvals.request(CALL, use=True)
    journal.fails = True
    with pytest.raises(StoreUnavailableError):
        await approvals.decide(pending, approve=True, by="ada")
    assert (await approvals.request(CALL, use=False)).state == State.PENDING
    journal.fails = False
    assert await approvals.decide(pending, approve=True, by="ada") is State.APPROVED
    assert await runs_of(approvals, 1) == 1


@pytest.mark.parametrize("loses_answer", [False, True])
async def test_a_decision_that_an_outage_interrupts_at_any_step_can_be_made_half_a_minute_later(
    store: Store, loses_answer: bool
) -> None:
    failing = FailingStore(store)
    approvals = approvals_in(cast("Store", failing))

    async def pending(name: object) -> CallApproval:
        requested = await approvals.request(replace(CALL, session=f"{loses_answer} {name}"), use=True)
        failing.fail_from(NEVER)
        return requested

    await approvals.decide(await pending("no outage"), approve=True, by="ada")
    for step, method in enumerate(list(failing.made)):
        approval = await pending(step)
        failing.fail_from(step, loses_answer=loses_answer)
        # The first error, unless it is that of the claim's deletion, which does not matter.
        first = step + (method == "delete")
        with pytest.raises(StoreUnavailableError, match=f"^step {first}$"):
            await approvals.decide(approval, approve=True, by="ada")
        failing.fail_from(NEVER)
        assert all(ttl_s <= 30 for ttl_s in failing.once.values())
        await failing.expire()
        assert await approvals.decide(approval, approve=True, by="ada") is State.APPROVED


async def test_a_decision_that_another_one_keeps_out_is_not_over(
    approvals: CallApprovals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_READ_EVERY_S", 0.001)
    pending = await approvals.request(CALL, use=True)
    await approvals.by_id.store.put_once(keys.once("approval-decided", pending.approval_id), ttl_s=30)
    with pytest.raises(DecisionUnderWayError):
        await approvals.decide(pending, approve=True, by="ada")
    later = replace(approvals, clock=lambda: time.time() + LIFETIME_S)
    assert await later.decide(pending, approve=True, by="ada") is State.PENDING


async def test_another_call_gets_an_approval_of_its_own(approvals: CallApprovals) -> None:
    await approved(approvals)
    for other in (
        replace(CALL, call='{"arguments":{"amount":2},"name":"pay"}'),
        replace(CALL, session="other"),
        replace(CALL, grant_id="other"),
        replace(CALL, policy="2"),
    ):
        assert (await approvals.request(other, use=True)).state == State.PENDING
    assert await runs_of(approvals, 1) == 1
    assert (await approvals.request(CALL, use=True)).state == State.PENDING


async def test_an_approval_expires(store: Store) -> None:
    ahead = 0.0
    approvals = approvals_in(store, lambda: time.time() + ahead)
    await approved(approvals)
    assert (await approvals.request(CALL, use=False)).state == State.APPROVED
    ahead = LIFETIME_S + USE_WITHIN_S
    assert (await approvals.request(CALL, use=True)).state == State.PENDING


async def test_calls_that_wait_are_listed_for_their_approver_and_bounded(approvals: CallApprovals) -> None:
    calls = [replace(CALL, session=str(number)) for number in range(MAX_OF_CALLER)]
    requested = await asyncio.gather(*(approvals.request(call, use=True) for call in calls))
    with pytest.raises(TooManyPendingError):
        await approvals.request(replace(CALL, session="one more"), use=True)
    # A call that waits already does not count again.
    await approvals.request(calls[0], use=True)
    waiting = await approvals.waiting_for("ada", ())
    assert {each.approval_id for each in waiting} == {each.approval_id for each in requested}
    assert await approvals.waiting_for("bob", ("ops",)) == []
    await approvals.decide(requested[0], approve=False, by="ada")
    assert len(await approvals.waiting_for("ada", ())) == MAX_OF_CALLER - 1
    shared = replace(CALL, approver="group:ops")
    await approvals.request(shared, use=True)
    (only,) = await approvals.waiting_for("bob", ("ops",))
    assert only.binding == shared.binding
