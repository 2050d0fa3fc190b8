"""What is worth a line in the log once, and not with every request."""

from __future__ import annotations

from collections.abc import Hashable

MOST = 16
"""Different things that are remembered; strangers may choose them."""


class Once:
    """Tells what is new from what was there before, for the first `MOST` things."""

    def __init__(self) -> None:
        self._seen: set[Hashable] = set()

    def first(self, thing: Hashable) -> bool:
        """Whether `thing` is new. Once there are `MOST`, nothing is."""
        if thing in self._seen or len(self._seen) >= MOST:
            return False
        self._seen.add(thing)
        return True
