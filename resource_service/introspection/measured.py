"""The states of token validation that are measured once a second; only called if metrics are on."""

from __future__ import annotations

from resource_service.introspection.cache import IntrospectionCache
from resource_service.introspection.circuit_breaker import CircuitBreaker
from resource_service.metrics import CACHE, CIRCUIT_OPEN, ResourceMetrics
from shared.introspection import ActiveToken


def measure_breaker(metrics: ResourceMetrics, breaker: CircuitBreaker[str, ActiveToken | None]) -> None:
    """Measure whether the circuit is open."""
    metrics.sampler.add(lambda: metrics.measurements.set(CIRCUIT_OPEN, value=float(breaker.is_open)))


def measure_cache(metrics: ResourceMetrics, cache: IntrospectionCache) -> None:
    """Measure how often the cache has an answer."""

    def sample() -> None:
        metrics.measurements.set(CACHE, "hit", value=float(cache.hits))
        metrics.measurements.set(CACHE, "miss", value=float(cache.misses))

    metrics.sampler.add(sample)
