"""Measures requests, by endpoint and outcome."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from starlette.types import Scope

from shared.metrics.declarations import LATENCY_BUCKETS_S, counter, latency
from shared.metrics.measurements import Measurements

REQUESTS = counter(
    "doorward_http_requests_total",
    "Requests, by the route, the class of the status (such as 4xx), and the reason code of a refusal.",
    *("endpoint", "status", "reason"),
)
DURATION = latency(
    "doorward_http_request_duration_seconds",
    "Time until a response was complete, by the route. Streams count from their beginning to their end.",
    "endpoint",
)
RATE_LIMITED = counter(
    "doorward_rate_limited_requests_total",
    "Requests that exceeded a rate limit or quota and were answered 429.",
    *("endpoint", "reason"),
)
OF_REQUESTS = (REQUESTS, DURATION, RATE_LIMITED)
"""The metrics that both services have."""

_TOO_MANY = 429
_SUM = len(LATENCY_BUCKETS_S) + 1
"""The place of the sum among the values of a histogram."""


class RequestMeter:
    """Measures requests that were answered.

    Every request passes here, so the places of values are looked up once for each endpoint and outcome.

    Args:
        refused: also called with the reason code of each refusal.
    """

    def __init__(self, measurements: Measurements, refused: Callable[[str], None] | None = None) -> None:
        self._measurements = measurements
        self._refused = refused
        self._values = measurements.values
        self._places: dict[tuple[str, int, str], tuple[int, int]] = {}

    def measure(
        self, endpoint: str, status: int, reason: str, seconds: float, *, scope: Scope | None = None
    ) -> None:
        """Measure one request; a `RequestDone`."""
        places = self._places.get((endpoint, status, reason))
        count, durations = places or self._new_places(endpoint, status, reason)
        values = self._values
        values[count] += 1.0
        values[durations + bisect_left(LATENCY_BUCKETS_S, seconds)] += 1.0
        values[durations + _SUM] += seconds
        if reason:
            self._measure_refusal(endpoint, status, reason)

    def _measure_refusal(self, endpoint: str, status: int, reason: str) -> None:
        if status == _TOO_MANY:
            self._measurements.add(RATE_LIMITED, endpoint, reason)
        if self._refused is not None:
            self._refused(reason)

    def _new_places(self, endpoint: str, status: int, reason: str) -> tuple[int, int]:
        count = self._measurements.place(REQUESTS, endpoint, f"{status // 100}xx", reason)
        places = (count, self._measurements.place(DURATION, endpoint))
        self._places[endpoint, status, reason] = places
        return places
