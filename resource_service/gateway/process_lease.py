"""How long a process may live: as long as one of the tokens that were shown to it is good (RS-13)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from resource_service.introspection.leases import Ending, Lease, Leases
from resource_service.principal import Principal

MAX_TOKENS = 8
"""A client that refreshes shows one token after the other; of more, those that expire first are forgotten."""


class ProcessLease:
    """The tokens that keep one process.

    Args:
        end: called when the last of them has ended.
    """

    def __init__(self, end: Callable[[Ending], None]) -> None:
        self._end = end
        self._held: dict[Principal, tuple[Leases, Lease]] = {}

    def renew(self, leases: Leases, lease: Lease, *, extra_s: float) -> None:
        """A request that is served by `lease` has come.

        Args:
            extra_s: how long after the expiry of the last token a client may come back with a fresh one.
        """
        principal = lease.principal
        if principal in self._held:
            return
        ended = partial(self._ended, principal)
        held = leases.open(principal, lease.token, ended, checked_at=lease.checked_at, extra_s=extra_s)
        self._held[principal] = leases, held
        if len(self._held) > MAX_TOKENS:
            self._forget(min(self._held, key=lambda each: each.expires_at))

    def close(self) -> None:
        """The process has ended."""
        for principal in tuple(self._held):
            self._forget(principal)

    def _forget(self, principal: Principal) -> None:
        leases, held = self._held.pop(principal)
        leases.close(held)

    def _ended(self, principal: Principal, ending: Ending) -> None:
        self._held.pop(principal, None)
        if not self._held:
            self._end(ending)
