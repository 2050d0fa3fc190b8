"""Alerts to the operator, if a webhook is configured."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from auth_service.alerts.sender import AlertSender, Webhook
from auth_service.alerts.sources import AlertSources
from auth_service.fetching import Fetcher
from auth_service.journal.writer import JournalWriter
from auth_service.settings import AuthSettings
from shared.clock import Clock
from shared.metrics.sampler import Sampler
from shared.storage.interface import Store
from shared.storage.store_watch import StoreWatch


@dataclass(frozen=True, kw_only=True)
class Alerting:
    """The sources of alerts, and the way to the operator."""

    sources: AlertSources
    sender: AlertSender

    @asynccontextmanager
    async def run(self, watch: StoreWatch, journal: JournalWriter) -> AsyncIterator[None]:
        """Send alerts, and look for problems of the store and the journal once a second."""
        sampler = Sampler()
        sampler.add(lambda: self.sources.store_checked(watch.complaints))
        sampler.add(lambda: self.sources.journal_checked(journal.writer, journal.omissions.missing))
        async with self.sender.run(), sampler.run():
            yield


def alerting(settings: AuthSettings, store: Store, clock: Clock, fetcher: Fetcher) -> Alerting | None:
    """Create the alerts that the settings ask for; None if they name no webhook.

    Args:
        fetcher: for URLs in the settings.
    """
    if settings.alert_webhook is None or settings.alert_webhook_secret is None:
        return None
    webhook = Webhook(
        url=settings.alert_webhook.get_secret_value(),
        secret=settings.alert_webhook_secret.get_secret_value().encode(),
        issuer=settings.issuer,
    )
    sender = AlertSender(webhook, fetcher, store, clock=clock)
    return Alerting(sources=AlertSources(sender.send), sender=sender)
