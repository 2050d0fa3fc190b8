"""Responses and processes that outlive the check of their token end with the token (RS-13).

Whatever continues after a request was admitted holds a lease. A lease ends when the token expires, when the
revocation feed names one of its grants, and when the service stops. If the feed does not cover a token, the
authorization server is queried about it at intervals, as long as any lease is open.
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
from shared.introspection import ActiveToken
from shared.logs import get_logger

TICK_S = 0.1
RECHECK_S = 0.5
"""How often a token that the feed does not cover is rechecked while it is in use."""

RECHECKS_PER_TICK = 10
"""The maximum number of rechecks per tick: 100 a second. With more than 50 open tokens, each waits longer."""

UNKNOWN_FOR_S = 10.0
"""How long a lease stays open while the state of its token is unknown (DESIGN D6)."""

_log = get_logger(__name__)


class Ending(Enum):
    """The reason why something open was ended."""

    EXPIRED = "The access token has expired."
    REVOKED = "The access token was revoked."
    NARROWED = "The access token allows less than before."
    UNKNOWN = "The authorization server is unavailable, so the access token cannot be checked."
    STOPPED = "The operator has stopped this."
    DISCONNECTED = "The connected account was disconnected."
    STOPPING = "The service is stopping."

    @property
    def reason(self) -> Reason:
        """The reason code."""
        return _REASONS[self]


_REASONS = {
    Ending.EXPIRED: Reason.TOKEN_ENDED_MEANWHILE,
    Ending.REVOKED: Reason.TOKEN_ENDED_MEANWHILE,
    Ending.NARROWED: Reason.TOKEN_ENDED_MEANWHILE,
    Ending.UNKNOWN: Reason.TOKEN_STATE_UNKNOWN,
    Ending.STOPPED: Reason.STOPPED_BY_OPERATOR,
    Ending.DISCONNECTED: Reason.ACCOUNT_ENDED_MEANWHILE,
    Ending.STOPPING: Reason.SERVICE_STOPPING,
}


End = Callable[[Ending], None]


@dataclass(slots=True, eq=False, kw_only=True)
class Lease:
    """A response or process in progress, and the token that permits it.

    Attributes:
        until: when it ends at the latest, in seconds since 1970.
        standing: whether it stays open indefinitely, so that it must not delay a shutdown.
        checked_at: when the token was last known to be valid, on the steady clock, as are the following.
        asked_at: when the token was last queried.
        unknown_since: when the authorization server stopped answering; None while it answers.
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
    """All open leases.

    Args:
        introspect: introspects a token.
        clock: determines when tokens expire.
        steady_clock: the clock of the revocation feed.
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
        """Return the steady clock's time; read it for `checked_at` before checking the token of a lease."""
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
        """Open a lease until `close`, or until it ends.

        Args:
            end: called at most once, from the event loop; it must not block.
            extra_s: how long after the expiry of the token the lease may continue.
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
        """Close a lease; closing it twice is allowed."""
        # The lease is noted in the request, which the response refers to: in a cycle, both would wait for the
        # garbage collector.
        lease.end = _closed
        self._open.discard(lease)
        for grant in lease.principal.grants:
            held = self._by_grant.get(grant)
            if held is None:
                continue
            held.discard(lease)
            if not held:
                del self._by_grant[grant]

    async def still_permits(self, principal: Principal, token: str) -> bool:
        """Introspect `token`; return whether it is active, and still allows what `principal` may do.

        Raises:
            IntrospectionUnavailableError: the server gives no usable answer.
        """
        answer = await self._introspect(token)
        return answer is not None and not _is_narrower(answer, principal)

    def stop(self) -> None:
        """End all leases that would delay the shutdown of the service."""
        self._end((lease for lease in self._open if lease.standing), Ending.STOPPING)

    @property
    def live(self) -> bool:
        """Whether revocations currently arrive."""
        return self._coverage.live(self._steady_clock())

    def confirm(self, as_of: float) -> None:
        """Note that every revocation announced before `as_of`, on the steady clock, has been delivered."""
        self._coverage.confirm(as_of, self._steady_clock())

    def revoke(self, grant_id: str) -> None:
        """Record that a grant has ended, or is about to, and end its leases."""
        self._coverage.revoke(grant_id, self._steady_clock())
        self._end(self._by_grant.get(grant_id, ()), Ending.REVOKED)

    def change(self, grant_id: str | None) -> None:
        """Record that the permissions of a grant's tokens may have changed; None for any grant.

        The tokens in use are rechecked at once, and until the change must have taken effect.
        """
        if grant_id is None:
            self._coverage.doubt()
            return
        self._coverage.revoke(grant_id, self._steady_clock())
        for lease in self._by_grant.get(grant_id, ()):
            lease.asked_at = float("-inf")

    def doubt(self) -> None:
        """Note that a revocation may have been missed."""
        self._coverage.doubt()

    def _end(self, leases: Iterable[Lease], ending: Ending) -> None:
        for lease in tuple(leases):
            if lease in self._open:
                end = lease.end
                self.close(lease)
                end(ending)

    def _keep_watch(self) -> None:
        """Run one task for all leases while there are any. Its log lines belong to no particular request."""
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
        """Return the tokens to recheck now, those that have waited longest first."""
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
            answer = await self._introspect(token)
            # Also ends leases that were not due: a response must end before its process does.
            same = [lease for lease in self._open if lease.token == token]
            if answer is None:
                self._end(same, Ending.REVOKED)
            else:
                self._end((x for x in same if _is_narrower(answer, x.principal)), Ending.NARROWED)
            for lease in leases:
                lease.checked_at, lease.asked_at, lease.unknown_since = asked_at, asked_at, None
        except IntrospectionUnavailableError:
            self._unknown(leases, asked_at)
        except Exception as error:  # noqa: BLE001 -- whatever it was, the token's state is unknown
            _log.error("the token of an open response could not be checked", exc_info=error)
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


def _closed(_ending: Ending) -> None:
    """End what a lease was for: it has ended."""


def _is_narrower(answer: ActiveToken, principal: Principal) -> bool:
    """Whether a scope or a group of the principal is gone; groups that nobody asked for are not."""
    groups = principal.groups if answer.groups is None else answer.groups
    scopes = principal.scopes if principal.token_scopes is None else principal.token_scopes
    return not (set(scopes) <= set(answer.scopes) and set(principal.groups) <= set(groups))
