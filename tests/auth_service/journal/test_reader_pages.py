"""One read of the journal is bounded, whatever follows what was read before (JR-2)."""

from __future__ import annotations

from typing import cast

import pytest

from auth_service.journal.newest_first import newest_first
from auth_service.journal.reader import JournalReader
from shared.storage import Store
from shared.storage.interface import Position

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("JR-2")]

LARGE = b"x" * 175_000
"""A write of as many events as one may have."""
QUIET, LOUD = 1_000, 600
MAX_READ = 6_000_000


class Log:
    """One chain in which small writes precede large ones.

    Attributes:
        reads: the bytes of each read.
    """

    def __init__(self, *, backwards: bool) -> None:
        writes = [b"y"] * QUIET + [LARGE] * LOUD
        self._writes = writes[::-1] if backwards else writes
        self.reads: list[int] = []

    async def log_read(self, _: str, *, after: Position, limit: int) -> list[tuple[Position, bytes]]:
        first = after.sequence
        writes = self._writes[first : first + limit]
        page = [(Position(1, place), each) for place, each in enumerate(writes, first + 1)]
        self.reads.append(sum(len(each) for _, each in page))
        return page

    async def log_read_back(self, _: str, *, before: Position, limit: int) -> list[tuple[Position, bytes]]:
        end = min(before.sequence - 1, len(self._writes)) if before.time_ms == 1 else len(self._writes)
        places = range(end, max(0, end - limit), -1)
        page = [(Position(1, place), self._writes[place - 1]) for place in places]
        self.reads.append(sum(len(each) for _, each in page))
        return page


async def test_a_verification_reads_a_few_megabytes_at_once() -> None:
    log = Log(backwards=False)
    writes = [write async for write in JournalReader(cast("Store", log)).written("chain")]
    assert len(writes) == QUIET + LOUD
    assert max(log.reads) < MAX_READ


async def test_a_search_reads_a_few_megabytes_at_once() -> None:
    log = Log(backwards=True)
    entries = [entry async for entry in newest_first(cast("Store", log), ["chain"])]
    assert len(entries) == QUIET + LOUD
    assert max(log.reads) < MAX_READ
