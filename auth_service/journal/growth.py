"""The bytes that one process has stored in the journal since old events were last removed."""

from __future__ import annotations

import asyncio


class Growth:
    """Says when old events must be removed before their time, because the journal grows fast.

    Attributes:
        limit: the bytes after which they must be; None for none.
        due: set when they must be.
    """

    def __init__(self) -> None:
        self._bytes = 0
        self.limit: int | None = None
        self.due = asyncio.Event()

    def add(self, size: int) -> None:
        """Count `size` bytes that were stored."""
        self._bytes += size
        if self.limit is not None and self._bytes >= self.limit:
            self.due.set()

    def restart(self, limit: int) -> None:
        """Count from zero, up to `limit`."""
        self._bytes, self.limit = 0, limit
        self.due.clear()
