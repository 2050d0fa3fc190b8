"""Signs the chain of this process: once a minute, after many events, and when the service stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NoReturn

from auth_service.journal.reader import JournalReader
from auth_service.journal.writer import JournalWriter
from shared.in_background import in_background
from shared.journal.chain import Head
from shared.logs import get_logger

INTERVAL_S = 60.0
MAX_HEADS = 200
"""Heads of other chains in one checkpoint."""

_log = get_logger(__name__)


class Checkpoints:
    """Writes checkpoints of one chain, which name the heads of the others since the checkpoint before."""

    def __init__(
        self, writer: JournalWriter, reader: JournalReader, *, interval_s: float = INTERVAL_S
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._interval_s = interval_s
        self._named: dict[str, Head] = {}

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Write checkpoints in the background, and the last one at the end of the context."""
        try:
            async with in_background(self._follow()):
                yield
        finally:
            await self._try()

    async def sign(self) -> None:
        """Write a checkpoint, unless nothing happened here since the last one, and that is not a day old.

        Raises:
            StoreUnavailableError: it may not be stored.
        """
        if not self._writer.needs_checkpoint:
            return
        self._writer.begin_witness()
        try:
            heads = await self._new_heads()
            await self._writer.checkpoint(heads)
        except Exception:
            self._writer.expect_witness(1)
            raise
        self._named.update((head.writer, head) for head in heads)

    async def _new_heads(self) -> list[Head]:
        others = [name for name in await self._reader.writers() if name != self._writer.writer]
        read = [await self._reader.head(name) for name in others]
        new = [head for head in read if head and self._named.get(head.writer) != head]
        return new[:MAX_HEADS]

    async def _follow(self) -> NoReturn:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval_s):
                    await self._writer.checkpoint_due.wait()
            await self._try()

    async def _try(self) -> None:
        try:
            await self.sign()
        except Exception as error:  # noqa: BLE001 -- whatever the store has, the next one must be tried
            _log.warning("the journal was not signed", reason=str(error))
            self._writer.checkpoint_due.clear()  # not again at once
