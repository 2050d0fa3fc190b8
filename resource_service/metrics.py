"""All metrics of the resource service, and the one object that measures them."""

from __future__ import annotations

from shared.clock import Clock
from shared.metrics.declarations import counter, gauge, latency
from shared.metrics.measurements import Measurements
from shared.metrics.requests import OF_REQUESTS, RequestMeter
from shared.metrics.sampler import Sampler

CACHE = counter(
    "doorward_introspection_cache_total",
    "Lookups of tokens in the cache: `hit`, or `miss` if the authorization server was asked.",
    "result",
)
FEED_UP = gauge("doorward_revocation_feed_up", "1 while revocations arrive.", combined="min")
FEED_LAG = gauge(
    "doorward_revocation_feed_lag_seconds",
    "Age of the last answer of the revocation feed: later revocations may be unknown.",
    combined="max",
)
FEED_GAPS = counter(
    "doorward_revocation_feed_gaps_total",
    "How often revocations may have been missed.",
)
CIRCUIT_OPEN = gauge(
    "doorward_circuit_breaker_open",
    "1 while the authorization server is not asked, because it does not answer.",
    combined="max",
)
UPSTREAM_REQUESTS = counter(
    "doorward_upstream_requests_total",
    "Requests that passed the guard, by resource path and result: the class of the status, or a reason code.",
    *("mount", "result"),
)
UPSTREAM_DURATION = latency(
    "doorward_upstream_request_duration_seconds",
    "Time in the MCP server behind the guard, by resource path, streams included.",
    "mount",
)
PROCESSES = gauge("doorward_stdio_processes", "Running MCP servers over stdio.", "mount")
CALLS_WAITING = gauge(
    "doorward_call_journal_waiting_events",
    "Events of calls that the authorization server does not have yet.",
)
CALLS_BYTES = gauge(
    "doorward_call_journal_buffer_bytes",
    "Bytes of these events; from `DOORWARD_JOURNAL_BUFFER_BYTES` on, calls are refused or not recorded.",
)
CALLS_GAP = counter(
    "doorward_call_journal_missing_events_total",
    "Events of calls that the journal does not contain, because the buffer was full.",
)

METRICS = (
    *OF_REQUESTS,
    *(CACHE, FEED_UP, FEED_LAG, FEED_GAPS, CIRCUIT_OPEN),
    *(UPSTREAM_REQUESTS, UPSTREAM_DURATION, PROCESSES),
    *(CALLS_WAITING, CALLS_BYTES, CALLS_GAP),
)


class ResourceMetrics:
    """Measures what happens in one process of the resource service."""

    def __init__(self, measurements: Measurements) -> None:
        self.measurements = measurements
        self.sampler = Sampler()
        self.request_done = RequestMeter(measurements).measure


class FeedMetrics:
    """Measures the revocation feed, as one of its listeners."""

    def __init__(self, metrics: ResourceMetrics, steady_clock: Clock) -> None:
        self._measurements = metrics.measurements
        self._steady_clock = steady_clock
        self._heard_at = steady_clock()
        self.live = False
        metrics.sampler.add(self._sample)

    def confirm(self, as_of: float) -> None:
        """Note that all revocations up to `as_of` have arrived."""
        self._heard_at = as_of
        self.live = True

    def revoke(self, grant_id: str) -> None:
        """Do nothing."""

    def change(self, grant_id: str | None) -> None:
        """Do nothing."""

    def doubt(self) -> None:
        """Count a gap, once until revocations arrive again."""
        if self.live:
            self._measurements.add(FEED_GAPS)
        self.live = False

    def _sample(self) -> None:
        self._measurements.set(FEED_UP, value=float(self.live))
        self._measurements.set(FEED_LAG, value=self._steady_clock() - self._heard_at)
