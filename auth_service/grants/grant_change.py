"""One change of a grant, however often its write is attempted: who learns of it, and when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from auth_service.events.publisher import RevocationPublisher
from auth_service.journal import grant_events
from auth_service.journal.journal import Journal
from auth_service.protocol.grant import Grant
from auth_service.protocol.narrowed_grants import lost_scopes
from auth_service.storage import keys
from shared.clock import Clock
from shared.storage.interface import Store, StoreFullError
from shared.storage.revocation_log import record_in

R = TypeVar("R")
Rule = Callable[[Grant], tuple[Grant | None, R]]
Prepare = Callable[[Grant], Awaitable[None]]

TOLD_AGAIN_AFTER_S = 20
"""Minimum seconds between announcements of a retried write; receivers store an event for a minute."""


@dataclass(frozen=True, kw_only=True)
class GrantNotices:
    """Those who learn of a change before it is written: other processes, the revocation log, the journal."""

    store: Store
    publisher: RevocationPublisher
    journal: Journal
    clock: Clock

    async def announce(self, grant: Grant) -> None:
        """Announce that a grant is about to end or to lose scopes; enter an end in the revocation log."""
        if grant.state != "revoked":
            await self.publisher.changed(grant.grant_id)
            return
        await self.publisher.revoked(grant)
        ttl_s = grant.kept_until - int(self.clock())
        await record_in(self.store.revocation_log, keys.grant(grant.grant_id), ttl_s)

    async def record(self, old: Grant, new: Grant) -> None:
        """Record a decision in the journal, before it takes effect (JR-2)."""
        event = grant_events.change(old, new)
        if event is None:
            return
        kind, members = event
        try:
            await self.journal.record(kind, **members)
        except StoreFullError:
            # Access can be taken while the store is full; the journal keeps the event until there is room.
            if kind not in grant_events.TAKING_ACCESS:
                raise


class GrantChange(Generic[R]):
    """A change by a pure rule: `decide` and `before_write` are the arguments of `Collection.update`.

    Args:
        as_known: returns a grant as revoked if the store has forgotten that.
        prepare: awaited with an active grant before each attempt to write it.
    """

    def __init__(
        self,
        rule: Rule[R],
        notices: GrantNotices,
        *,
        as_known: Callable[[Grant], Grant],
        prepare: Prepare | None,
    ) -> None:
        self._rule = rule
        self._notices = notices
        self._as_known = as_known
        self._prepare = prepare
        self._stored: Grant | None = None
        self._decided: Grant | None = None
        self._told_at: dict[str, float] = {}
        self._recorded: set[tuple[str, int, tuple[str, ...]]] = set()
        self.results: list[R] = []

    @property
    def revoked(self) -> Grant | None:
        """The grant that was written, or may have been, if it ends; None otherwise."""
        ends = self._decided is not None and self._decided.state == "revoked"
        return self._decided if ends else None

    @property
    def loses_scopes(self) -> bool:
        """Whether what was written, or may have been, takes scopes from the tokens of an active grant."""
        if self._stored is None or self._decided is None:
            return False
        return bool(lost_scopes(self._stored, self._decided))

    def decide(self, stored: Grant) -> tuple[Grant | None, R]:
        """Apply the rule to the stored grant."""
        self._stored = stored
        current = self._as_known(stored)
        changed, result = self._rule(current)
        self.results.append(result)
        return (current if changed is None and current is not stored else changed), result

    async def before_write(self, grant: Grant) -> None:
        """Prepare, announce and record what is about to be written; if it raises, nothing is written."""
        if self._prepare and grant.state == "active":
            await self._prepare(grant)
        self._decided = grant
        # Not on each attempt: a longer pause between read and write lets more other writers win.
        announces = self.revoked is not None or self.loses_scopes
        now, told_at = self._notices.clock(), self._told_at.get(grant.state, float("-inf"))
        if announces and now >= told_at + TOLD_AGAIN_AFTER_S:
            self._told_at[grant.state] = now
            await self._notices.announce(grant)
        # Another write may win: then what is written after it can differ.
        state = grant.state, grant.generation, grant.scopes
        if self._stored and state not in self._recorded:
            self._recorded.add(state)
            await self._notices.record(self._stored, grant)
