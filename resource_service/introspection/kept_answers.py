"""A store for introspection answers, by token and by grant, with a maximum size. It uses no clock."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from dataclasses import dataclass

from shared.introspection import ActiveToken

MAX_ACTIVE = 10_000
MAX_INACTIVE = 1_000
"""Separate limits, so that a flood of invented tokens does not evict the valid ones."""

Key = bytes
"""The SHA-256 of a token, so that the stored keys grant no access."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, and until when it may be reused, on the clock of the cache.

    Attributes:
        in_outage_until: until when it may be reused while the authorization server does not answer.
    """

    answer: ActiveToken | None
    until: float
    in_outage_until: float = float("-inf")


class KeptAnswers:
    """The most recently used answers."""

    def __init__(self, *, max_active: int = MAX_ACTIVE, max_inactive: int = MAX_INACTIVE) -> None:
        self._max_active = max_active
        self._max_inactive = max_inactive
        self._active: OrderedDict[Key, Kept] = OrderedDict()
        self._inactive: OrderedDict[Key, Kept] = OrderedDict()
        self._by_grant: defaultdict[str, set[Key]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._active) + len(self._inactive)

    def find(self, key: Key, now: float, *, in_outage: bool = False) -> Kept | None:
        """Return the stored answer for a token; None if it is missing or has expired."""
        answers = self._active if key in self._active else self._inactive
        kept = answers.get(key)
        if kept is None:
            return None
        if now >= max(kept.until, kept.in_outage_until):
            self.forget(key)
            return None
        if now >= (kept.in_outage_until if in_outage else kept.until):
            return None
        answers.move_to_end(key)
        return kept

    def keep(self, key: Key, kept: Kept) -> None:
        """Store an answer, replacing the previous one."""
        self.forget(key)
        if kept.answer is None:
            self._inactive[key] = kept
            if len(self._inactive) > self._max_inactive:
                self._inactive.popitem(last=False)
            return
        self._active[key] = kept
        for grant_id in grants_of(kept.answer):
            self._by_grant[grant_id].add(key)
        if len(self._active) > self._max_active:
            self.forget(next(iter(self._active)))

    def forget_grant(self, grant_id: str) -> None:
        """Drop every answer about a token that depends on this grant."""
        for key in tuple(self._by_grant.get(grant_id, ())):
            self.forget(key)

    def clear(self) -> None:
        """Drop every answer."""
        self._active.clear()
        self._inactive.clear()
        self._by_grant.clear()

    def forget(self, key: Key) -> None:
        """Drop the answer about a token."""
        self._inactive.pop(key, None)
        kept = self._active.pop(key, None)
        if kept is None or kept.answer is None:
            return
        for grant_id in grants_of(kept.answer):
            keys = self._by_grant[grant_id]
            keys.discard(key)
            if not keys:
                del self._by_grant[grant_id]


def grants_of(answer: ActiveToken) -> frozenset[str]:
    """Return every grant that the token depends on: its own and its parent grants; empty if unknown."""
    return frozenset() if answer.grant_id is None else frozenset((answer.grant_id, *answer.parent_grants))
