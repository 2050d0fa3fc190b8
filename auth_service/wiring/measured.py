"""The states of the authorization server that are measured once a second; only called if metrics are on."""

from __future__ import annotations

from time import perf_counter

from auth_service.journal.inspection import JournalInspection
from auth_service.journal.omissions import Omissions
from auth_service.metrics import (
    JOURNAL_BEYOND_SHARE,
    JOURNAL_GAP,
    JOURNAL_PROBLEMS,
    JOURNAL_REMOVED_EARLY,
    JOURNAL_WAITING,
    PASSWORD_QUEUE,
    STORE_COMPLAINTS,
    STORE_LATENCY,
    STORE_UP,
    AuthMetrics,
)
from auth_service.users.password_check import PasswordCheck
from auth_service.wiring.infrastructure import Infrastructure
from shared.storage.interface import StoreUnavailableError
from shared.storage.store_watch import StoreWatch


def measure_store(metrics: AuthMetrics, base: Infrastructure, watch: StoreWatch) -> None:
    """Measure whether and how fast the store answers, and what is wrong with it."""
    measurements = metrics.measurements

    async def probe() -> None:
        begun = perf_counter()
        try:
            await base.store.ping()
        except StoreUnavailableError:
            measurements.set(STORE_UP, value=0.0)
            return
        measurements.observe(STORE_LATENCY, perf_counter() - begun)
        measurements.set(STORE_UP, value=1.0)

    metrics.sampler.add(probe)
    metrics.sampler.add(lambda: measurements.set(STORE_COMPLAINTS, value=float(len(watch.complaints))))


def measure_journal(metrics: AuthMetrics, base: Infrastructure, inspection: JournalInspection) -> None:
    """Measure what the journal has not stored, and whether it was changed."""
    journal, measurements = base.journal, metrics.measurements
    seen = Omissions()

    def sample() -> None:
        measurements.set(JOURNAL_WAITING, value=float(journal.waiting))
        # An application with other settings has a journal of its own, in the same process.
        now = journal.omissions
        measurements.add(JOURNAL_GAP, amount=float(now.missing - seen.missing))
        measurements.add(JOURNAL_BEYOND_SHARE, amount=float(now.beyond_share - seen.beyond_share))
        measurements.add(JOURNAL_REMOVED_EARLY, amount=float(now.removed_early - seen.removed_early))
        seen.missing, seen.beyond_share, seen.removed_early = now.missing, now.beyond_share, now.removed_early
        measurements.set(JOURNAL_PROBLEMS, value=float(len(inspection.problems)))

    metrics.sampler.add(sample)


def measure_password_check(metrics: AuthMetrics, check: PasswordCheck) -> None:
    """Measure the queue of the password check."""
    metrics.sampler.add(lambda: metrics.measurements.set(PASSWORD_QUEUE, value=float(check.waiting)))
