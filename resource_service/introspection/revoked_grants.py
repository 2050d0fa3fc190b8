"""Recently ended grants and the start of that knowledge: the basis of local token validation."""

from __future__ import annotations

from collections.abc import Iterable

from resource_service.introspection.cache import LIVE_FOR_S
from shared.clock import Clock

LONGEST_LIFE_S = 3_600
"""A token with a longer life is introspected, so the end of its grant must be remembered for this time."""

MARGIN_S = 60
"""How much later than the feed a token must begin. It covers the clock of the authorization server being
ahead of ours, and the time that a grant may last after its end was announced just before the feed began."""

REMEMBER_S = LONGEST_LIFE_S + 5 * MARGIN_S
MAX_GRANTS = 50_000


class RevokedGrants:
    """A listener to the revocation feed that decides for which tokens a revocation would have been received.

    A revoked grant issues no tokens, so a token of a grant that was revoked before the feed began was also
    issued before that. Tokens that are younger than the feed are therefore valid unless the feed has named
    one of their grants. All other tokens must be introspected. Nothing is kept, or must be kept, across a
    restart or a gap.

    Args:
        max_grants: how many grants are remembered. Dropping one moves the start of the knowledge.
        clock: seconds since 1970, for the dates of tokens. It may be adjusted; `steady_clock` never is.
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
        """Whether revocations currently arrive."""
        return self._steady_clock() < self._live_until

    def confirm(self, as_of: float) -> None:
        """Note that every revocation announced before `as_of`, on the steady clock, has been delivered."""
        if not self.live:
            self.doubt()
            self._known_since = self._steady_clock()
        self._live_until = as_of + LIVE_FOR_S

    def revoke(self, grant_id: str) -> None:
        """Record that a grant has ended, or is about to."""
        now = self._steady_clock()
        self._announced.pop(grant_id, None)
        self._announced[grant_id] = now
        self._forget(now)

    def change(self, grant_id: str | None) -> None:
        """Record that tokens of a grant may allow less than their claims; None for any grant.

        Such tokens are introspected.
        """
        if grant_id is None:
            self.doubt()
        else:
            self.revoke(grant_id)

    def doubt(self) -> None:
        """Note that a revocation may have been missed."""
        self._live_until = float("-inf")
        self._known_since = float("inf")
        self._announced.clear()

    def would_be_known(self, grant_ids: Iterable[str], issued_at: float, expires_at: float) -> bool:
        """Check whether a token of these grants is certainly valid, provided it is genuine and unexpired.

        Args:
            issued_at: seconds since 1970, and so is `expires_at`.
        """
        if not self.live or expires_at - issued_at > LONGEST_LIFE_S:
            return False
        # Uses the elapsed time, not the clock reading at the start: the clock may have been corrected since.
        known_since = self._clock() - (self._steady_clock() - self._known_since)
        return issued_at > known_since + MARGIN_S and self._announced.keys().isdisjoint(grant_ids)

    def _forget(self, now: float) -> None:
        while self._announced:
            grant_id, announced = next(iter(self._announced.items()))
            if announced > now - REMEMBER_S and len(self._announced) <= self._max_grants:
                return
            del self._announced[grant_id]
            self._known_since = max(self._known_since, announced)
