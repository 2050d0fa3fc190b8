"""The journal of calls of this process, as the settings define it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from resource_service.journal.call_journal import CallJournal, JournalLimits
from resource_service.journal.deliveries import Deliveries
from resource_service.journal.events_endpoint import EventsEndpoint
from resource_service.settings import ResourceSettings
from shared.clock import Clock


def call_journal(settings: ResourceSettings, clock: Clock, *, only_in_run: bool = False) -> CallJournal:
    """Create the journal of calls, with the limits of the settings.

    Args:
        only_in_run: see `CallJournal`.
    """
    limits = JournalLimits(
        directory=settings.journal_directory,
        max_bytes=settings.journal_buffer_bytes,
        refuses=settings.journal_when_full == "refuse",
    )
    return CallJournal(settings.resource_server_id, clock, limits, only_in_run=only_in_run)


@asynccontextmanager
async def delivered(journal: CallJournal, settings: ResourceSettings) -> AsyncIterator[None]:
    """Store the events of `journal`, and deliver them to the authorization server.

    Raises:
        OSError: the directory of the settings cannot be used.
    """
    async with journal.run(), deliveries(journal, settings):
        yield


@asynccontextmanager
async def deliveries(journal: CallJournal, settings: ResourceSettings) -> AsyncIterator[None]:
    """Deliver the events of `journal` to the authorization server, by a connection of its own."""
    endpoint = EventsEndpoint(settings)
    async with endpoint.run(), Deliveries(journal, endpoint.post).run():
        yield
