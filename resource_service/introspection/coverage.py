"""Checks whether the revocation feed would have reported the end of a token since its last check. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from resource_service.introspection.cache import LIVE_FOR_S, SETTLE_S

MAX_GRANTS = 10_000


class Coverage:
    """A listener to the revocation feed. Times are seconds on one steady clock.

    Args:
        max_grants: how many revoked grants are remembered; dropping one invalidates every earlier check.
    """

    def __init__(self, *, max_grants: int = MAX_GRANTS) -> None:
        self._max_grants = max_grants
        self._named: dict[str, float] = {}
        self._known_since = float("inf")
        self._live_until = float("-inf")

    def live(self, now: float) -> bool:
        """Whether revocations currently arrive."""
        return now < self._live_until

    def confirm(self, as_of: float, now: float) -> None:
        """Note that every revocation announced before `as_of` has been delivered."""
        if not self.live(now):
            self._known_since = now
        self._live_until = as_of + LIVE_FOR_S

    def revoke(self, grant_id: str, now: float) -> None:
        """Record that a grant has ended, or is about to."""
        self._named.pop(grant_id, None)
        self._named[grant_id] = now
        if len(self._named) > self._max_grants:
            self._known_since = max(self._known_since, self._named.pop(next(iter(self._named))))

    def doubt(self) -> None:
        """Note that a revocation may have been missed."""
        self._live_until = float("-inf")

    def covers(self, grants: Iterable[str], checked_at: float, now: float) -> bool:
        """Check whether a token of these grants that was valid at `checked_at` needs no further check.

        A revocation is announced before it takes effect, so for a moment the authorization server still
        reports the token as active: a check counts only after that moment.
        """
        grants = tuple(grants)
        if not grants or not self.live(now):
            return False
        named = (self._named[grant] for grant in grants if grant in self._named)
        return checked_at >= max((self._known_since, *named)) + SETTLE_S
