"""Answers about tokens are given again, but only while revocations arrive (DESIGN D7)."""

from __future__ import annotations

import hashlib

from resource_service.introspection.client import Introspect
from resource_service.introspection.kept_answers import Kept, KeptAnswers, grants_of
from resource_service.introspection.recently_revoked import RecentlyRevoked
from resource_service.introspection.single_flight import SingleFlight
from shared.clock import Clock
from shared.introspection import ActiveToken

LIVE_FOR_S = 4.0
"""How long ago the last answered question to the feed may have been put; one is answered about once a second.
Where the feed is cut a revocation can be overlooked for that long: within 5 s, nothing kept is used any
more."""

SETTLE_S = 5.0
"""How long nothing is kept after the feed has begun. A revocation that was announced just before then is not
in the feed, and may not be written yet."""

INACTIVE_FOR_S = 3.0
"""How long an answer of "not active" is given again."""

LONGEST_QUESTION_S = 30.0
"""An answer that took longer is not kept: the grants that ended meanwhile must all be remembered still."""


class IntrospectionCache:
    """An `Introspect` over another one. It gives an answer again that is younger than the last doubt.

    What it knows of revocations it is told: `confirm`, `revoke` and `doubt`. Whether it may use what it keeps
    is decided at the moment of use and from the time alone, so that it holds as well for a process that was
    frozen in between.

    Args:
        keep_for_s: how long an answer about an active token is given again, and never past its expiry.
        join_for_s: see `SingleFlight`.
        clock: tells when tokens expire; it may be set.
        steady_clock: seconds that pass; from when does not matter.
    """

    def __init__(
        self, ask: Introspect, *, keep_for_s: float, join_for_s: float, clock: Clock, steady_clock: Clock
    ) -> None:
        self._ask = ask
        # What is kept is the answer of a flight, dated by its start: one who joins it later learns no more.
        self._flights = SingleFlight(self._introspect, join_for_s=join_for_s)
        self._keep_for_s = keep_for_s
        self._clock = clock
        self._steady_clock = steady_clock
        self._answers = KeptAnswers()
        self._revoked = RecentlyRevoked()
        self._live_until = self._settled_at = float("-inf")

    async def __call__(self, token: str) -> ActiveToken | None:
        """What `token` stands for; None if it is not active.

        Raises:
            IntrospectionUnavailableError: there is no answer from which anything follows.
        """
        now = self._steady_clock()
        if now < self._live_until:
            kept = self._answers.find(_key(token), now)
            if kept is not None:
                return kept.answer
        return await self._flights(token)

    @property
    def live(self) -> bool:
        """Whether revocations arrive, as far as can be told at this moment."""
        return self._steady_clock() < self._live_until

    def confirm(self, as_of: float) -> None:
        """Every revocation that was announced before `as_of`, on the steady clock, has been told of."""
        if not self.live:
            self.doubt()
            self._settled_at = self._steady_clock() + SETTLE_S
        self._live_until = as_of + LIVE_FOR_S

    def revoke(self, grant_id: str) -> None:
        """A grant has ended, or will in a moment."""
        self._revoked.add(grant_id, self._steady_clock())
        self._answers.forget_grant(grant_id)

    def doubt(self) -> None:
        """A revocation may have been missed: whatever is kept may be wrong."""
        self._live_until = float("-inf")
        self._answers.clear()

    async def _introspect(self, token: str) -> ActiveToken | None:
        asked_at = self._steady_clock()
        answer = await self._ask(token)
        now = self._steady_clock()
        if now < self._live_until and asked_at >= self._settled_at and now < asked_at + LONGEST_QUESTION_S:
            self._keep(token, answer, now)
        return answer

    def _keep(self, token: str, answer: ActiveToken | None, now: float) -> None:
        if answer is None:
            self._answers.keep(_key(token), Kept(None, now + INACTIVE_FOR_S))
            return
        grants = grants_of(answer)
        # Without a grant that it ends with, no revocation would be known to be about it.
        if grants and not self._revoked.holds_any(grants, now):
            left_s = min(self._keep_for_s, answer.expires_at - self._clock())
            self._answers.keep(_key(token), Kept(answer, now + left_s))


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
