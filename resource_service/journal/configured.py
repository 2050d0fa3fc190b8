"""The journal of calls of this process, as the settings define it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from resource_service.authorization_server_client import AuthorizationServerClient, http_client
from resource_service.journal.call_journal import CallJournal, JournalLimits
from resource_service.journal.deliveries import Deliveries
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
async def delivered(journal: CallJournal, settings: ResourceSettings, clock: Clock) -> AsyncIterator[None]:
    """Store the events of `journal`, and deliver them to the authorization server by a connection of its own.

    Raises:
        OSError: the directory of the settings cannot be used.
    """
    http = http_client(timeout_s=settings.introspection_timeout_s, max_connections=1)
    server = AuthorizationServerClient(http, settings, clock)
    async with server.run(), journal.run(), Deliveries(journal, server.deliver).run():
        yield
