"""Log something once, instead of with every request."""

from __future__ import annotations

from collections.abc import Hashable

MOST = 16
"""Different things that are remembered; strangers may choose them."""


class Once:
    """Remembers the first `MOST` things, to tell new ones from known ones."""

    def __init__(self) -> None:
        self._seen: set[Hashable] = set()

    def first(self, thing: Hashable) -> bool:
        """Check whether `thing` is new. After `MOST` things, nothing is."""
        if thing in self._seen or len(self._seen) >= MOST:
            return False
        self._seen.add(thing)
        return True
