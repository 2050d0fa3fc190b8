"""Combine several listeners to the revocation feed into one."""

from __future__ import annotations

from resource_service.introspection.revocation_feed import Listener


class Listeners:
    """A `Listener` that forwards every notification to several others."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    @property
    def live(self) -> bool:
        """Whether all listeners report that revocations arrive."""
        return all(listener.live for listener in self._listeners)

    def confirm(self, as_of: float) -> None:
        """Note that every revocation announced before `as_of`, on the steady clock, has been delivered."""
        for listener in self._listeners:
            listener.confirm(as_of)

    def revoke(self, grant_id: str) -> None:
        """Record that a grant has ended, or is about to."""
        for listener in self._listeners:
            listener.revoke(grant_id)

    def change(self, grant_id: str | None) -> None:
        """Record that the permissions of a grant's tokens may have changed; None for any grant."""
        for listener in self._listeners:
            listener.change(grant_id)

    def doubt(self) -> None:
        """Note that a revocation may have been missed."""
        for listener in self._listeners:
            listener.doubt()
