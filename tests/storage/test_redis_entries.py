"""Reading and writing everything in Redis keeps to the number of commands that may be under way (OP-4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.storage.entries import READ_AT_ONCE, StoredDocument
from shared.storage.redis import MAX_COMMANDS
from shared.storage.redis_entries import RedisEntries

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-4")]

KEYS = [f"doorward:grant:{number}" for number in range(2 * READ_AT_ONCE)]


class CountingServer:
    """Answers commands a turn of the loop later, and counts those under way."""

    def __init__(self) -> None:
        self.under_way = self.most = self.answered = 0

    async def initialize(self) -> None:
        """Like redis-py's."""

    async def scan_iter(self, match: str, count: int, _type: str | None) -> AsyncIterator[bytes]:
        """Yield every key, as logs too."""
        for key in KEYS:
            yield key.encode()

    async def command(self, name: str, *_: object) -> object:
        await self._turn()
        return [] if name == "XREVRANGE" else None

    async def run(self, *_: object) -> object:
        await self._turn()
        return [b"", b"value"]

    async def _turn(self) -> None:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        self.answered += 1


async def test_entries_are_read_written_and_deleted_with_few_commands_under_way() -> None:
    server: Any = CountingServer()
    entries = RedisEntries(server, server.command, server.run)
    read = [entry async for batch in entries.read() for entry in batch]
    assert [entry.key for entry in read if isinstance(entry, StoredDocument)] == KEYS
    await entries.write(read)
    await entries.clear()
    assert server.answered == 4 * len(KEYS)
    assert 1 < server.most <= MAX_COMMANDS
