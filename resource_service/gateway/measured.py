"""Measures the requests to the MCP server behind the guard."""

from __future__ import annotations

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resource_service.errors import Refusal
from resource_service.gateway.pool import ProcessPool
from resource_service.metrics import PROCESSES, UPSTREAM_DURATION, UPSTREAM_REQUESTS, ResourceMetrics
from shared.asgi.whole_response import with_changed_start
from shared.metrics.measurements import Measurements

DISCONNECTED = "disconnected"


class MeasuredBackend:
    """An ASGI app around that of a backend; only installed if metrics are on.

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
        begun, result = perf_counter(), DISCONNECTED

        def note(start: Message) -> Message:
            nonlocal result
            result = f"{start['status'] // 100}xx"
            return start

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                note(message)
            await send(message)

        try:
            await self._app(with_changed_start(scope, note), receive, noting)
        except Refusal as refusal:
            result = refusal.reason.code
            raise
        finally:
            self._measurements.add(UPSTREAM_REQUESTS, self._mount, result)
            self._measurements.observe(UPSTREAM_DURATION, perf_counter() - begun, self._mount)


def measure_processes(metrics: ResourceMetrics, mount: str, pool: ProcessPool) -> None:
    """Measure how many processes a pool has."""
    metrics.sampler.add(lambda: metrics.measurements.set(PROCESSES, mount, value=float(pool.size)))
