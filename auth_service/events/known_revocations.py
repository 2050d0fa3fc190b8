"""The revocations that this process performed or received: a second line for a store that forgets them.

A failover to a lagging replica, or a restored backup, may take a grant back to a state before its revocation.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from shared.clock import Clock
from shared.logs import get_logger

MAX_REVOCATIONS = 100_000
"""About 30 MB."""
SWEEP_EVERY_S = 60.0
"""How often expired revocations are looked for behind others, if there are too many: it takes some 10 ms."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Revocation:
    """A revocation that was written.

    Attributes:
        ends_at: when the grant's last token expires; not needed any longer then.
        known_since: when this process learned of it.
    """

    grant_id: str
    reason: str
    ends_at: int
    known_since: float


class KnownRevocations:
    """Remembers revocations until the tokens have expired, at most so many: then it drops the oldest.

    A dropped revocation is only as safe as the store; the log says so once.
    """

    def __init__(self, clock: Clock, *, at_most: int = MAX_REVOCATIONS) -> None:
        self._clock = clock
        self._at_most = at_most
        self._by_grant: OrderedDict[str, Revocation] = OrderedDict()
        self._was_full = False
        self._swept_at = float("-inf")

    def __len__(self) -> int:
        return len(self._by_grant)

    def add(self, grant_id: str, reason: str, ends_at: int) -> None:
        """Remember that the revocation of a grant was written."""
        now = self._clock()
        if ends_at <= now:
            return
        self._by_grant[grant_id] = Revocation(grant_id, reason, ends_at, now)
        self._by_grant.move_to_end(grant_id)
        self._make_room(now)

    def of(self, grant_id: str) -> Revocation | None:
        """Return the revocation of a grant, if it is remembered."""
        return self._by_grant.get(grant_id)

    def since(self, time: float) -> list[Revocation]:
        """Return the revocations that became known at `time` or later, oldest first."""
        return [each for each in self._by_grant.values() if each.known_since >= time]

    def _make_room(self, now: float) -> None:
        while self._by_grant and next(iter(self._by_grant.values())).ends_at <= now:
            self._by_grant.popitem(last=False)
        if len(self._by_grant) <= self._at_most:
            return
        if now >= self._swept_at + SWEEP_EVERY_S:
            self._swept_at = now
            for grant_id in [each.grant_id for each in self._by_grant.values() if each.ends_at <= now]:
                del self._by_grant[grant_id]
        while len(self._by_grant) > self._at_most:
            self._by_grant.popitem(last=False)
            if not self._was_full:
                self._was_full = True
                _log.warning("only the newest revocations are remembered", at_most=self._at_most)
