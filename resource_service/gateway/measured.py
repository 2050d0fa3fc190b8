"""Measures the requests to the MCP server behind the guard."""

from __future__ import annotations

from time import perf_counter

from starlette.types import ASGIApp, Receive, Scope, Send

from resource_service.errors import Refusal
from resource_service.gateway.pool import ProcessPool
from resource_service.metrics import PROCESSES, UPSTREAM_DURATION, UPSTREAM_REQUESTS, ResourceMetrics
from shared.asgi.observed import NOTED_STATUS
from shared.metrics.measurements import Measurements

DISCONNECTED = "disconnected"


class MeasuredBackend:
    """An ASGI app around that of a backend, inside of a `ObservedApp`; only installed if metrics are on.

    Args:
        mount: the path of the resource.
    """

    def __init__(self, app: ASGIApp, mount: str, measurements: Measurements) -> None:
        self._app = app
        self._mount = mount
        self._measurements = measurements

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on.

        Raises:
            Refusal: as the backend.
        """
        begun, refused = perf_counter(), ""
        try:
            await self._app(scope, receive, send)
        except Refusal as refusal:
            refused = refusal.reason.code
            raise
        finally:
            status = scope["state"].get(NOTED_STATUS)
            result = f"{status // 100}xx" if status else refused or DISCONNECTED
            self._measurements.add(UPSTREAM_REQUESTS, self._mount, result)
            self._measurements.observe(UPSTREAM_DURATION, perf_counter() - begun, self._mount)


def measure_processes(metrics: ResourceMetrics, mount: str, pool: ProcessPool) -> None:
    """Measure how many processes a pool has."""
    metrics.sampler.add(lambda: metrics.measurements.set(PROCESSES, mount, value=float(pool.size)))
