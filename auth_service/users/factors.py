"""The second factors of the accounts, one document for each account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from auth_service.journal.account_events import BeforeWrite, nothing_before
from auth_service.protocol.factors import Factors, Notice, with_notice
from auth_service.storage import keys
from shared.clock import Clock
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

R = TypeVar("R")

Rule = Callable[[Factors], tuple[Factors | None, R]]


class FactorRepository:
    """The second factors in the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._factors = Collection(store, keys.factors, JsonCodec(Factors), lambda _: None)
        self._clock = clock

    async def of(self, subject: str) -> Factors:
        """Return the second factors of an account."""
        return await self._factors.get(subject) or Factors()

    async def change(self, subject: str, rule: Rule[R], *, before: BeforeWrite = nothing_before) -> R:
        """Change the factors of an account atomically by a pure rule; return the rule's result.

        Args:
            before: awaited if the rule changes the current factors, before they are written.
        """
        if before is not nothing_before and rule(await self.of(subject))[0] is not None:
            await before()

        def wrapped(factors: Factors) -> tuple[Factors | None, tuple[R]]:
            changed, result = rule(factors)
            return changed, (result,)

        while True:
            outcome = await self._factors.update(subject, wrapped)
            if outcome is not None:
                return outcome[0]
            changed, result = rule(Factors())
            if changed is None or await self._factors.create(subject, changed):
                return result

    def now(self) -> float:
        """Return the time by which factors are added (seconds since 1970)."""
        return self._clock()

    async def note(self, subject: str, text: str, network: str = "") -> None:
        """Add a notice for the person."""
        notice = Notice(text=text, at=int(self._clock()), network=network)
        await self.change(subject, lambda factors: (with_notice(factors, notice), None))

    async def reset(self, subject: str) -> bool:
        """Remove all second factors of an account and notify the person; return whether it had any."""
        notice = Notice(text="Your second factors were removed by an administrator", at=int(self._clock()))

        def rule(factors: Factors) -> tuple[Factors | None, bool]:
            if not factors.count and not factors.recovery_codes:
                return None, False
            empty = replace(Factors(), notices=factors.notices)
            return with_notice(empty, notice), True

        return await self.change(subject, rule)

    async def delete(self, subject: str) -> None:
        """Delete the document of an account that is being deleted."""
        await self._factors.delete(subject)
