"""The grants most recently announced as ended: answers about their tokens must not be cached."""

from __future__ import annotations

from collections.abc import Iterable

MAX_GRANTS = 10_000
AT_LEAST_S = 60
"""How long a grant is remembered at least. Its end is announced before it takes effect, so for a moment the
authorization server still reports its tokens as active. That answer must not be cached."""


class RecentlyRevoked:
    """Remembers ended grants while there is room. On overflow, it treats every grant as ended.

    Args:
        max_grants: how many grants are remembered.
    """

    def __init__(self, *, max_grants: int = MAX_GRANTS) -> None:
        self._max_grants = max_grants
        self._announced: dict[str, float] = {}
        self._all_until = float("-inf")

    def add(self, grant_id: str, now: float) -> None:
        """Record that the end of a grant has been announced."""
        self._announced.pop(grant_id, None)
        self._announced[grant_id] = now
        if len(self._announced) > self._max_grants:
            oldest = next(iter(self._announced))
            self._all_until = self._announced.pop(oldest) + AT_LEAST_S

    def holds_any(self, grant_ids: Iterable[str], now: float) -> bool:
        """Check whether the end of one of these grants may have been announced."""
        return now < self._all_until or any(grant_id in self._announced for grant_id in grant_ids)
