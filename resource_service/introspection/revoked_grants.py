"""Which grants have ended since when: what a token must be held against that nobody is asked about."""

from __future__ import annotations

from collections.abc import Iterable

from resource_service.introspection.cache import LIVE_FOR_S
from shared.clock import Clock

LONGEST_LIFE_S = 3_600
"""A token that lives longer is asked about, so the end of its grant must be remembered for this time."""

MARGIN_S = 60
"""How much later than the feed a token must begin. So far may the clocks of the authorization server be ahead
of ours, and for that long a grant may last whose end was announced just before the feed began."""

REMEMBER_S = LONGEST_LIFE_S + 5 * MARGIN_S
MAX_GRANTS = 50_000


class RevokedGrants:
    """Listens to the feed of revocations, and says of which tokens it would have heard if they had ended.

    A token of a grant that was revoked before the feed began was issued before that, too: a revoked grant
    issues none. So of the tokens that are younger than the feed, those are good whose grants it has not
    named. All others have to be asked about. Nothing is kept over a restart or a gap; nothing needs to be.

    Args:
        max_grants: how many are remembered. What is forgotten moves the beginning of what is known.
        clock: seconds since 1970, against which tokens are dated. It may be set, `steady_clock` never is.
    """

    def __init__(self, *, clock: Clock, steady_clock: Clock, max_grants: int = MAX_GRANTS) -> None:
        self._clock = clock
        self._steady_clock = steady_clock
        self._max_grants = max_grants
        self._announced: dict[str, float] = {}
        self._known_since = float("inf")
        self._live_until = float("-inf")

    def __len__(self) -> int:
        return len(self._announced)

    @property
    def live(self) -> bool:
        """Whether revocations arrive, as far as can be told at this moment."""
        return self._steady_clock() < self._live_until

    def confirm(self, as_of: float) -> None:
        """Every revocation that was announced before `as_of`, on the steady clock, has been told of."""
        if not self.live:
            self.doubt()
            self._known_since = self._steady_clock()
        self._live_until = as_of + LIVE_FOR_S

    def revoke(self, grant_id: str) -> None:
        """A grant has ended, or will in a moment."""
        now = self._steady_clock()
        self._announced.pop(grant_id, None)
        self._announced[grant_id] = now
        self._forget(now)

    def doubt(self) -> None:
        """A revocation may have been missed."""
        self._live_until = float("-inf")
        self._known_since = float("inf")
        self._announced.clear()

    def would_be_known(self, grant_ids: Iterable[str], issued_at: float, expires_at: float) -> bool:
        """Whether a token of these grants is good for sure, if it is genuine and of now.

        Args:
            issued_at: seconds since 1970, and so is `expires_at`.
        """
        if not self.live or expires_at - issued_at > LONGEST_LIFE_S:
            return False
        # By what has passed since, not by what the clock showed then: it may have been set right meanwhile.
        known_since = self._clock() - (self._steady_clock() - self._known_since)
        return issued_at > known_since + MARGIN_S and self._announced.keys().isdisjoint(grant_ids)

    def _forget(self, now: float) -> None:
        while self._announced:
            grant_id, announced = next(iter(self._announced.items()))
            if announced > now - REMEMBER_S and len(self._announced) <= self._max_grants:
                return
            del self._announced[grant_id]
            self._known_since = max(self._known_since, announced)
