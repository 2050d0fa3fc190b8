"""The lifetime of a process: it runs while one of the tokens presented to it is valid (RS-13)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from resource_service.introspection.leases import Ending, Lease, Leases
from resource_service.principal import Principal

MAX_TOKENS = 8
"""A client presents a new token after each refresh; above this number, the first to expire are forgotten."""


class ProcessLease:
    """The tokens that keep one process running.

    Args:
        end: called when the last token has ended.
    """

    def __init__(self, end: Callable[[Ending], None]) -> None:
        self._end = end
        self._held: dict[Principal, tuple[Leases, Lease]] = {}

    def renew(self, leases: Leases, lease: Lease, *, extra_s: float) -> None:
        """Record a request that is served under `lease`.

        Args:
            extra_s: how long after the last token expires a client may return with a new one.
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
        """Release all tokens after the process has ended."""
        for principal in tuple(self._held):
            self._forget(principal)

    def _forget(self, principal: Principal) -> None:
        leases, held = self._held.pop(principal)
        leases.close(held)

    def _ended(self, principal: Principal, ending: Ending) -> None:
        self._held.pop(principal, None)
        if not self._held:
            self._end(ending)
