"""Watches the service for its operators: metrics, alerts, and a verification of the journal for both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from auth_service.journal.inspection import JournalInspection
from auth_service.journal.keys import public_keys
from auth_service.journal.reader import JournalReader
from auth_service.wiring.infrastructure import Infrastructure
from auth_service.wiring.measured import measure_journal, measure_store
from shared.storage.store_watch import StoreWatch


@asynccontextmanager
async def watching_for_operators(base: Infrastructure, store_watch: StoreWatch) -> AsyncIterator[None]:
    """Measure and send alerts in the background, as far as the settings ask for it."""
    metrics, alerting = base.metrics, base.alerting
    async with AsyncExitStack() as stack:
        if metrics is not None or alerting is not None:
            report = None if alerting is None else alerting.sources.journal_changed
            inspection = JournalInspection(
                JournalReader(base.store), public_keys(base.key_ring), report=report
            )
            await stack.enter_async_context(inspection.run())
        if metrics is not None:
            measure_store(metrics, base, store_watch)
            measure_journal(metrics, base, inspection)
            await stack.enter_async_context(metrics.sampler.run())
        if alerting is not None:
            await stack.enter_async_context(alerting.run(store_watch, base.journal))
        yield
