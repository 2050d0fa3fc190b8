"""A cache of answers about tokens, used only while revocations arrive (DESIGN D7).

An operator may allow its use for some time of an outage (`DOORWARD_OUTAGE_GRACE_S`), in which a revoked token
is then still accepted.
"""

from __future__ import annotations

import hashlib

from resource_service.introspection.client import (
    Introspect,
    NeedsGroups,
    NeedsSoftware,
    ServerDownError,
    is_sufficient,
    no_groups,
    no_software,
)
from resource_service.introspection.kept_answers import Kept, KeptAnswers, grants_of
from resource_service.introspection.recently_revoked import RecentlyRevoked
from resource_service.introspection.single_flight import SingleFlight
from shared.clock import Clock
from shared.introspection import ActiveToken

LIVE_FOR_S = 4.0
"""How long the cache stays usable after the start of the last answered poll of the feed; a poll is answered
about once a second. If the feed is cut, a revocation can be missed for this long: after 5 s at most, no
cached answer is used."""

SETTLE_S = 5.0
"""How long nothing is cached after the feed has begun. A revocation announced just before then is not in the
feed, and may not have taken effect yet."""

INACTIVE_FOR_S = 3.0
"""How long the answer "not active" is cached."""

LONGEST_QUESTION_S = 30.0
"""A slower answer is not cached: all grants that ended or changed meanwhile must still be remembered."""


class IntrospectionCache:
    """An `Introspect` that wraps another one and caches its answers until revocations may have been missed.

    It learns about revocations through `confirm`, `revoke`, `change` and `doubt`. Whether a cached answer
    may be used is decided at the time of use and from the clock alone, so that the rule also holds for a
    process that was frozen in between.

    Args:
        keep_for_s: how long an answer about an active token is cached, never past its expiry.
        join_for_s: see `SingleFlight`.
        clock: determines when tokens expire; it may be adjusted.
        steady_clock: a monotonic clock in seconds.
        needs_groups: whether a policy names groups; answers without them are not used then.
        needs_software: the same for stops that name software.
        outage_grace_s: how long after the last sign of the feed an answer is used if the server is down.

    Attributes:
        hits, misses: how often an answer was in the cache, or not.
    """

    def __init__(
        self,
        ask: Introspect,
        *,
        keep_for_s: float,
        join_for_s: float,
        clock: Clock,
        steady_clock: Clock,
        needs_groups: NeedsGroups = no_groups,
        needs_software: NeedsSoftware = no_software,
        outage_grace_s: float = 0,
    ) -> None:
        self._ask = ask
        # A cached answer is dated by the start of its flight: joining a flight later yields nothing newer.
        self._flights = SingleFlight(self._introspect, join_for_s=join_for_s)
        self._keep_for_s = keep_for_s
        self._clock = clock
        self._steady_clock = steady_clock
        self._needs_groups, self._needs_software = needs_groups, needs_software
        self._answers = KeptAnswers()
        self._revoked = RecentlyRevoked()
        self._outage_grace_s = outage_grace_s
        self.hits = self.misses = 0
        self._live_until = self._settled_at = self._heard_at = float("-inf")

    async def __call__(self, token: str) -> ActiveToken | None:
        """Introspect `token`; return None if it is not active.

        Raises:
            IntrospectionUnavailableError: the server gives no usable answer.
        """
        now = self._steady_clock()
        if now < self._live_until:
            kept = self._answers.find(_key(token), now)
            if kept is not None and self._is_usable(kept.answer):
                self.hits += 1
                return kept.answer
        self.misses += 1
        try:
            return await self._flights(token)
        except ServerDownError:
            if (answer := self._in_outage(token)) is not None:
                return answer
            raise

    def _in_outage(self, token: str) -> ActiveToken | None:
        """Return the last answer about an active token, if it may still be used."""
        now = self._steady_clock()
        if now >= self._heard_at + self._outage_grace_s:
            return None
        kept = self._answers.find(_key(token), now, in_outage=True)
        return kept.answer if kept and self._is_usable(kept.answer) else None

    @property
    def live(self) -> bool:
        """Whether revocations currently arrive."""
        return self._steady_clock() < self._live_until

    def confirm(self, as_of: float) -> None:
        """Note that every revocation announced before `as_of`, on the steady clock, has been delivered."""
        if not self.live:
            # What was revoked in the meantime is unknown, and the server can be asked again.
            self._answers.clear()
            self._settled_at = self._steady_clock() + SETTLE_S
        self._live_until, self._heard_at = as_of + LIVE_FOR_S, as_of

    def revoke(self, grant_id: str) -> None:
        """Record that a grant has ended, or is about to."""
        self._revoked.add(grant_id, self._steady_clock())
        self._answers.forget_grant(grant_id)

    def change(self, grant_id: str | None) -> None:
        """Record that tokens of a grant may allow something else than before; None for any grant.

        Only answers that were requested when the change must have taken effect are cached again.
        """
        if grant_id is None:
            self._live_until = float("-inf")
            self._answers.clear()
        else:
            self._revoked.add(grant_id, self._steady_clock(), ends=False)
            self._answers.forget_grant(grant_id)

    def doubt(self) -> None:
        """Use no cached answer, because a revocation may have been missed, except in an outage."""
        self._live_until = float("-inf")
        if not self._outage_grace_s:
            self._answers.clear()

    def _is_usable(self, answer: ActiveToken | None) -> bool:
        # A policy that names groups may have been loaded after the answer, or a stop have come.
        return answer is None or is_sufficient(answer, self._needs_groups, self._needs_software)

    async def _introspect(self, token: str) -> ActiveToken | None:
        asked_at = self._steady_clock()
        answer = await self._ask(token)
        now = self._steady_clock()
        self._answers.forget(_key(token))  # the previous answer is obsolete, also in an outage
        if now < self._live_until and asked_at >= self._settled_at and now < asked_at + LONGEST_QUESTION_S:
            self._keep(token, answer, asked_at, now)
        return answer

    def _keep(self, token: str, answer: ActiveToken | None, asked_at: float, now: float) -> None:
        if answer is None:
            self._answers.keep(_key(token), Kept(None, now + INACTIVE_FOR_S))
            return
        grants = grants_of(answer)
        # Without a grant, no revocation could be matched to the token.
        if grants and not self._revoked.concern(grants, requested_at=asked_at, now=now):
            left_s = answer.expires_at - self._clock()
            kept_s = min(self._keep_for_s, left_s)
            in_outage_s = min(self._keep_for_s + self._outage_grace_s, left_s) if self._outage_grace_s else 0
            self._answers.keep(_key(token), Kept(answer, now + kept_s, now + in_outage_s))


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
