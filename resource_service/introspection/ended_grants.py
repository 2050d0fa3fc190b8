"""Grants whose revocation was announced as written: their tokens are refused, whatever an answer says.

The authorization server's store may forget a revocation in a failover. This process does not.
"""

from __future__ import annotations

from collections import OrderedDict

from resource_service.introspection.client import Introspect
from resource_service.introspection.kept_answers import grants_of
from resource_service.reasons import Reason
from shared.clock import Clock
from shared.introspection import ActiveToken
from shared.logs import get_logger

MAX_GRANTS = 100_000
"""About 20 MB. Beyond that, the oldest are dropped, and the answers of the authorization server decide."""

_log = get_logger(__name__)


class EndedGrants:
    """Remembers ended grants until their last token has expired."""

    def __init__(self, clock: Clock, *, at_most: int = MAX_GRANTS) -> None:
        self._clock = clock
        self._at_most = at_most
        self._ends_at: OrderedDict[str, int] = OrderedDict()

    def add(self, grant_id: str, ends_at: int) -> None:
        """Record that the revocation of a grant was written; its last token expires at `ends_at`."""
        self._ends_at[grant_id] = ends_at
        self._ends_at.move_to_end(grant_id)
        while self._is_expendable(next(iter(self._ends_at.values()))):
            self._ends_at.popitem(last=False)
            if not self._ends_at:
                return

    def _is_expendable(self, ends_at: int) -> bool:
        return len(self._ends_at) > self._at_most or ends_at <= self._clock()

    def has_ended(self, token: ActiveToken) -> bool:
        """Whether a grant of the token is known to have ended."""
        return any(grant_id in self._ends_at for grant_id in grants_of(token))


class RefusingEnded:
    """An `Introspect` that wraps another one, with tokens of ended grants inactive."""

    def __init__(self, ask: Introspect, ended: EndedGrants) -> None:
        self.ask = ask
        self._ended = ended

    async def __call__(self, token: str) -> ActiveToken | None:
        """Introspect `token`; as the wrapped `Introspect`."""
        answer = await self.ask(token)
        if answer is None or not self._ended.has_ended(answer):
            return answer
        _log.warning(
            "the authorization server has forgotten a revocation; the token is refused",
            grant_id=answer.grant_id,
            reason_code=Reason.TOKEN_INACTIVE.code,
        )
        return None
