"""The interface through which the authorization server records what it decides (D17)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol, TypeVar

from shared.journal.event import EventKind

R = TypeVar("R")


class Journal(Protocol):
    """Records events."""

    async def record(self, kind: EventKind, **members: object) -> None:
        """Return when the event is stored; members that are None are left out.

        Raises:
            StoreUnavailableError: it may not be stored. The decision must not take effect then.
        """
        ...

    def begin(self, kind: EventKind, **members: object) -> Awaitable[object]:
        """Begin to record an event beside other work; the result is awaited as `record`."""
        ...

    def note(self, kind: EventKind, **members: object) -> None:
        """Record what happened already, without waiting; kept for a while if the store is away."""
        ...


class NoJournal:
    """Records nothing."""

    async def record(self, kind: EventKind, **members: object) -> None:
        """Do nothing."""

    def begin(self, kind: EventKind, **members: object) -> Awaitable[object]:
        """Do nothing."""
        return self.record(kind, **members)

    def note(self, kind: EventKind, **members: object) -> None:
        """Do nothing."""


NO_JOURNAL = NoJournal()


async def recorded_beside(recording: Awaitable[object], write: Awaitable[R]) -> R:
    """Wait until a decision has been written and recorded; return the result of the write.

    Args:
        recording: from `Journal.begin`.

    Raises:
        StoreUnavailableError: it may not be written or not recorded. Nobody may learn of what was written.
    """
    recorded = asyncio.ensure_future(recording)
    try:
        result = await write
    except BaseException:
        recorded.cancel()  # also if it has failed: asyncio would complain that nobody retrieved the error
        raise
    await recorded
    return result
