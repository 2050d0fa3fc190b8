"""The states of the journal of calls that are measured once a second; only called if metrics are on."""

from __future__ import annotations

from resource_service.journal.call_journal import CallJournal
from resource_service.metrics import CALLS_BYTES, CALLS_GAP, CALLS_WAITING, ResourceMetrics


def measure_calls(metrics: ResourceMetrics, journal: CallJournal) -> None:
    """Measure what is not delivered, and what is missing."""
    measurements = metrics.measurements

    def sample() -> None:
        measurements.set(CALLS_WAITING, value=float(journal.waiting))
        measurements.set(CALLS_BYTES, value=float(journal.buffered_bytes))
        measurements.set(CALLS_GAP, value=float(journal.lost))

    metrics.sampler.add(sample)
