"""The upkeep of the journal: checkpoints of this process's chain, and removal of old events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from auth_service.journal.checkpoints import Checkpoints
from auth_service.journal.reader import JournalReader
from auth_service.journal.retention import Retention
from auth_service.wiring.infrastructure import Infrastructure

_DAY_S = 86_400


@asynccontextmanager
async def journal_upkeep(base: Infrastructure) -> AsyncIterator[None]:
    """Sign and trim the journal in the background; sign it once more at the end of the context."""
    reader = JournalReader(base.store)
    retention = Retention(
        base.store,
        reader,
        base.journal,
        base.clock,
        keep_s=base.settings.journal_retention_days * _DAY_S,
        limit=base.journal_limit,
    )
    async with Checkpoints(base.journal, reader).run(), retention.run():
        yield
