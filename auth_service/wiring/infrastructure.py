"""The foundation of the components of the authorization server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auth_service.crypto.keyring import KeyRing
from auth_service.crypto.signing_keys import SigningKeys
from auth_service.events.known_revocations import KnownRevocations
from auth_service.fetching import Fetcher
from auth_service.journal.keys import signing_key
from auth_service.journal.limits import JournalLimit, StrangersShare
from auth_service.journal.writer import JournalWriter, Recorded
from auth_service.metrics import AuthMetrics
from auth_service.rate_limits import Throttle
from auth_service.settings import AuthSettings
from auth_service.wiring import configured
from auth_service.wiring.alerting import Alerting, alerting
from shared.clock import Clock
from shared.journal.event import EventKind
from shared.signatures import Signatures
from shared.storage.interface import Store
from shared.storage.store_watch import StoreWatch


@dataclass(frozen=True, kw_only=True)
class Infrastructure:
    """The foundation of all components: settings, store, clock, outgoing requests, keys.

    Attributes:
        store_watch: what is wrong with the store: its `complaints` are for metrics and `/ready`.
        operator_fetcher: for URLs in the settings; never queued behind URLs that clients supply.
    """

    settings: AuthSettings
    store: Store
    store_watch: StoreWatch
    clock: Clock
    fetcher: Fetcher
    operator_fetcher: Fetcher
    key_ring: KeyRing
    signing_keys: SigningKeys
    signatures: Signatures
    known_revocations: KnownRevocations
    journal: JournalWriter
    journal_limit: JournalLimit
    metrics: AuthMetrics | None = None
    alerting: Alerting | None = None

    def throttle(self, kind: str) -> Throttle:
        """Return the rate limit of one kind of attempt."""
        return Throttle(self.store, kind, configured.limits(self.settings)[kind])


def infrastructure(
    settings: AuthSettings,
    store: Store,
    clock: Clock,
    fetcher: Fetcher,
    *,
    known_revocations: KnownRevocations | None = None,
    metrics: AuthMetrics | None = None,
) -> Infrastructure:
    """Create the infrastructure, only from the arguments."""
    key_ring = KeyRing(settings.master_keys)
    operator_fetcher = fetcher.apart()
    alerts = alerting(settings, store, clock, operator_fetcher)
    journal_limit = JournalLimit(store, settings.journal_retention_bytes)
    share = StrangersShare(store, journal_limit, settings.journal_retention_days)
    return Infrastructure(
        settings=settings,
        store=store,
        store_watch=StoreWatch(store),
        clock=clock,
        fetcher=fetcher,
        operator_fetcher=operator_fetcher,
        key_ring=key_ring,
        signing_keys=SigningKeys(store, key_ring, configured.schedule(settings), clock),
        signatures=Signatures(),
        known_revocations=(KnownRevocations(clock) if known_revocations is None else known_revocations),
        journal=JournalWriter(store, signing_key(key_ring), clock, _recorded(metrics, alerts), share=share),
        journal_limit=journal_limit,
        metrics=metrics,
        alerting=alerts,
    )


def _recorded(metrics: AuthMetrics | None, alerts: Alerting | None) -> Recorded | None:
    """Return what is called with each event of the journal; None if nobody measures or alerts."""
    receivers = [
        *([metrics.recorded] if metrics is not None else []),
        *([alerts.sources.recorded] if alerts is not None else []),
    ]
    if len(receivers) < 2:
        return receivers[0] if receivers else None

    def to_all(kind: EventKind, members: Mapping[str, object], seconds: float) -> None:
        for receiver in receivers:
            receiver(kind, members, seconds)

    return to_all
