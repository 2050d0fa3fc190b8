"""The grants most recently announced as ended or changed: which answers about their tokens may be cached."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

MAX_GRANTS = 10_000

IN_EFFECT_WITHIN_S = 30
"""How long an answer may still be from before an announced change. A change is announced before it takes
effect, again if its write is attempted for 20 s, and once more afterwards: this time counts only if the
process that made the change dies before the last."""

AT_LEAST_S = 2 * IN_EFFECT_WITHIN_S
"""How long a grant is remembered at least: until no answer can arrive that was requested before a change took
effect, and that is not too old to be cached."""


class _Announced(NamedTuple):
    at: float
    ends: bool


class RecentlyRevoked:
    """Remembers ended and changed grants while there is room. On overflow, it treats every grant as ended.

    Args:
        max_grants: how many grants are remembered.
    """

    def __init__(self, *, max_grants: int = MAX_GRANTS) -> None:
        self._max_grants = max_grants
        self._announced: dict[str, _Announced] = {}
        self._all_until = float("-inf")

    def add(self, grant_id: str, now: float, *, ends: bool = True) -> None:
        """Record an announcement about a grant.

        Args:
            ends: whether the grant ends; otherwise, its tokens may allow something else than before.
        """
        earlier = self._announced.pop(grant_id, None)
        self._announced[grant_id] = _Announced(now, ends or (earlier is not None and earlier.ends))
        if len(self._announced) > self._max_grants:
            oldest = next(iter(self._announced))
            self._all_until = self._announced.pop(oldest).at + AT_LEAST_S

    def concern(self, grant_ids: Iterable[str], *, requested_at: float, now: float) -> bool:
        """Check whether an answer about a token of these grants may be from before what was announced.

        An ended grant issues no more tokens, so later answers about it are not worth caching.
        """
        if now < self._all_until:
            return True
        announced = (self._announced[grant_id] for grant_id in grant_ids if grant_id in self._announced)
        return any(each.ends or requested_at < each.at + IN_EFFECT_WITHIN_S for each in announced)
