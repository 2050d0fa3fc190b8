"""Several who listen to the feed of revocations, as the one that it tells."""

from __future__ import annotations

from resource_service.introspection.revocation_feed import Listener


class Listeners:
    """A `Listener` that passes on to each of several what it is told."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    @property
    def live(self) -> bool:
        """Whether revocations arrive, in the view of every one."""
        return all(listener.live for listener in self._listeners)

    def confirm(self, as_of: float) -> None:
        """Every revocation that was announced before `as_of`, on the steady clock, has been told of."""
        for listener in self._listeners:
            listener.confirm(as_of)

    def revoke(self, grant_id: str) -> None:
        """A grant has ended, or will in a moment."""
        for listener in self._listeners:
            listener.revoke(grant_id)

    def doubt(self) -> None:
        """A revocation may have been missed."""
        for listener in self._listeners:
            listener.doubt()
