"""What lives longer than the check of its token, answers and processes, ends with the token (RS-13).

A lease is held by whatever goes on after a request was let in. It ends at the expiry of the token, when the
revocation feed names one of its grants, and when the service stops. Where the feed does not cover a token,
the authorization server is asked about it at intervals, for as long as anything is open.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextvars import Context
from dataclasses import dataclass, field
from enum import Enum

from resource_service.introspection.client import Introspect, IntrospectionUnavailableError
from resource_service.introspection.coverage import Coverage
from resource_service.principal import Principal
from resource_service.reasons import Reason
from shared.clock import Clock
from shared.logs import get_logger

TICK_S = 0.1
RECHECK_S = 0.5
"""How often an open token is asked about that the feed does not cover."""

RECHECKS_PER_TICK = 10
"""How many tokens are asked about at most: 100 a second. With more than 50 open, each waits longer."""

UNKNOWN_FOR_S = 10.0
"""How long something stays open while nobody can say whether its token is still good (DESIGN D6)."""

_log = get_logger(__name__)


class Ending(Enum):
    """Why something that was open has been ended."""

    EXPIRED = "The access token has expired."
    REVOKED = "The access token was revoked."
    UNKNOWN = "The authorization server cannot be asked whether the access token is still good."
    STOPPING = "The service is stopping."

    @property
    def reason(self) -> Reason:
        """The reason code."""
        return _REASONS[self]


_REASONS = {
    Ending.EXPIRED: Reason.TOKEN_ENDED_MEANWHILE,
    Ending.REVOKED: Reason.TOKEN_ENDED_MEANWHILE,
    Ending.UNKNOWN: Reason.TOKEN_STATE_UNKNOWN,
    Ending.STOPPING: Reason.SERVICE_STOPPING,
}


End = Callable[[Ending], None]


@dataclass(slots=True, eq=False, kw_only=True)
class Lease:
    """Something open, and the token that it is open by.

    Attributes:
        until: seconds since 1970, when it ends at the latest.
        standing: it is open without an end of its own, so that it must not hold up the end of the service.
        checked_at: when the token was last known to be good, on the steady clock; so are the others.
        asked_at: when it was last asked about.
        unknown_since: since when there has been no answer; None while there is one.
    """

    principal: Principal
    token: str = field(repr=False)
    end: End
    until: float
    standing: bool
    checked_at: float
    asked_at: float
    unknown_since: float | None = None


class Leases:
    """Everything that is open.

    Args:
        introspect: what is asked about a token.
        clock: tells when tokens expire.
        steady_clock: that of the revocation feed.
    """

    def __init__(self, introspect: Introspect, clock: Clock, steady_clock: Clock) -> None:
        self._introspect = introspect
        self._clock = clock
        self._steady_clock = steady_clock
        self._coverage = Coverage()
        self._open: set[Lease] = set()
        self._by_grant: defaultdict[str, set[Lease]] = defaultdict(set)
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._watch: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def now(self) -> float:
        """The steady clock: `checked_at` of a lease is read before its token is checked."""
        return self._steady_clock()

    def open(
        self,
        principal: Principal,
        token: str,
        end: End,
        *,
        checked_at: float,
        extra_s: float = 0.0,
        standing: bool = False,
    ) -> Lease:
        """Hold a lease until `close`, or until it ends.

        Args:
            end: called at most once, from the event loop; it must not wait.
            extra_s: how long after the expiry of the token it may stay.
        """
        until = principal.expires_at + extra_s
        lease = Lease(
            principal=principal,
            token=token,
            end=end,
            until=until,
            standing=standing,
            checked_at=checked_at,
            asked_at=checked_at,
        )
        self._open.add(lease)
        for grant in principal.grants:
            self._by_grant[grant].add(lease)
        self._keep_watch()
        return lease

    def close(self, lease: Lease) -> None:
        """It is over; closing it twice is fine."""
        self._open.discard(lease)
        for grant in lease.principal.grants:
            held = self._by_grant.get(grant, set())
            held.discard(lease)
            if not held:
                self._by_grant.pop(grant, None)

    def stop(self) -> None:
        """The service stops: end what would go on until somebody else ends it."""
        self._end((lease for lease in self._open if lease.standing), Ending.STOPPING)

    @property
    def live(self) -> bool:
        """Whether revocations arrive, as far as can be told at this moment."""
        return self._coverage.live(self._steady_clock())

    def confirm(self, as_of: float) -> None:
        """Every revocation that was announced before `as_of`, on the steady clock, has been told of."""
        self._coverage.confirm(as_of, self._steady_clock())

    def revoke(self, grant_id: str) -> None:
        """A grant has ended, or will in a moment."""
        self._coverage.revoke(grant_id, self._steady_clock())
        self._end(self._by_grant.get(grant_id, ()), Ending.REVOKED)

    def doubt(self) -> None:
        """A revocation may have been missed."""
        self._coverage.doubt()

    def _end(self, leases: Iterable[Lease], ending: Ending) -> None:
        for lease in tuple(leases):
            if lease in self._open:
                self.close(lease)
                lease.end(ending)

    def _keep_watch(self) -> None:
        """One task for all of them, while there are any. Its logs are about no request in particular."""
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._watching(), context=Context())

    async def _watching(self) -> None:
        while self._open:
            await asyncio.sleep(TICK_S)
            now = self._clock()
            self._end((lease for lease in self._open if lease.until <= now), Ending.EXPIRED)
            for token, leases in self._due().items():
                self._asking[token] = asyncio.create_task(self._recheck(token, leases))

    def _due(self) -> dict[str, list[Lease]]:
        """The tokens to ask about now, those first that have waited longest."""
        now = self._steady_clock()
        due: defaultdict[str, list[Lease]] = defaultdict(list)
        for lease in self._open:
            if (
                lease.asked_at + RECHECK_S <= now
                and lease.token not in self._asking
                and not self._coverage.covers(lease.principal.grants, lease.checked_at, now)
            ):
                due[lease.token].append(lease)
        first = heapq.nsmallest(
            RECHECKS_PER_TICK, due, key=lambda token: min(lease.asked_at for lease in due[token])
        )
        return {token: due[token] for token in first}

    async def _recheck(self, token: str, leases: Iterable[Lease]) -> None:
        asked_at = self._steady_clock()
        try:
            if await self._introspect(token) is None:
                # Those as well that were not due: an answer must not learn it from the end of its process.
                self._end((lease for lease in self._open if lease.token == token), Ending.REVOKED)
            for lease in leases:
                lease.checked_at, lease.asked_at, lease.unknown_since = asked_at, asked_at, None
        except IntrospectionUnavailableError:
            self._unknown(leases, asked_at)
        except Exception as error:  # noqa: BLE001 -- whatever it was, nothing is known of the token
            _log.error("an open token could not be checked", exc_info=error)
            self._unknown(leases, asked_at)
        finally:
            self._asking.pop(token, None)

    def _unknown(self, leases: Iterable[Lease], asked_at: float) -> None:
        now = self._steady_clock()
        for lease in leases:
            lease.asked_at = now
            if lease.unknown_since is None:
                lease.unknown_since = asked_at
        self._end(
            (lease for lease in leases if now - (lease.unknown_since or now) > UNKNOWN_FOR_S), Ending.UNKNOWN
        )
