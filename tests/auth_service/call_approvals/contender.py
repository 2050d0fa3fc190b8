"""Uses of one approval by several processes at once; each process imports this module."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from auth_service.call_approvals.approvals import CallApprovals, call_approvals
from auth_service.journal.account_events import AccountEvents
from auth_service.journal.journal import NO_JOURNAL, Journal, NoJournal
from auth_service.protocol.call_approval import RequestedCall, State
from shared.journal.event import EventKind
from shared.storage import Store, StoreUnavailableError, open_store
from tests.storage import contenders

CALL = RequestedCall(
    grant_id="grant",
    subject="ada",
    client_id="client",
    resource="https://mcp.example/mcp",
    session="session",
    policy="1",
    approver="self",
    tool="pay",
    call='{"arguments":{"amount":1},"name":"pay"}',
)


class Actions(NoJournal):
    """A journal that keeps the actions of its events, and lets other tasks run before it does.

    Attributes:
        fails: whether no event can be stored.
    """

    def __init__(self) -> None:
        self.actions: list[object] = []
        self.fails = False

    async def record(self, kind: EventKind, **members: object) -> None:
        await asyncio.sleep(0)
        if self.fails:
            raise StoreUnavailableError("the journal has no room")
        self.actions.append(members["action"])

    def note(self, kind: EventKind, **members: object) -> None:
        self.actions.append(members["action"])


def approvals_in(
    store: Store, clock: Callable[[], float] = time.time, journal: Journal = NO_JOURNAL
) -> CallApprovals:
    return call_approvals(store, clock, AccountEvents(journal))


def use_at_once(url: str, times: int) -> int:
    """Ask to run `CALL` so many times at the same moment as the other processes; return the runs."""
    assert contenders._gate  # noqa: SLF001 -- of this process
    contenders._gate.wait(30)  # noqa: SLF001
    return asyncio.run(_use(url, times))


async def _use(url: str, times: int) -> int:
    store = open_store(url)
    try:
        return await runs_of(approvals_in(store), times)
    finally:
        await store.aclose()


async def runs_of(approvals: CallApprovals, times: int) -> int:
    """Ask to run `CALL` so many times at once, and return how often it may run."""
    answers = await asyncio.gather(*(approvals.request(CALL, use=True) for _ in range(times)))
    return sum(answer.state == State.USED for answer in answers)
