"""Measures the requests to an application, by endpoint and outcome."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.asgi.direct_protocol import DirectExchange, DirectProtocol
from shared.asgi.direct_routes import Answer
from shared.asgi.noted_reason import NOTED_REASON
from shared.asgi.whole_response import with_changed_start
from shared.metrics.declarations import LATENCY_BUCKETS_S, counter, latency
from shared.metrics.measurements import Measurements

OTHER = "other"
"""The endpoint of a request to any path that is not a route."""

DISCONNECTED = 499
"""The status of a request whose client was gone before the response began."""

NOTED_STATUS = "doorward.status"
"""Member of the state of a scope: the status of the response, once it has begun."""

_PARAMETER = re.compile(r"\{[^}]*\}")

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

RequestDone = Callable[[str, int, str, float], None]
"""Called with the endpoint, the status, the reason code or an empty string, and the duration in seconds."""


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

    def measure(self, endpoint: str, status: int, reason: str, seconds: float) -> None:
        """Measure one request."""
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


class EndpointNames:
    """Maps paths to the routes that serve them, so that a label has as many values as there are routes.

    Args:
        prefix: the path of the public URL.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._exact: dict[str, str] = {}
        self._patterns: dict[str, re.Pattern[str]] = {}

    def add(self, routes: Iterable[str]) -> None:
        """Add routes, in Starlette's syntax; the first that matches a path is its name."""
        prefix = self._prefix
        for route in routes:
            if "{" in route:
                self._patterns.setdefault(route, re.compile(f"(?:{re.escape(prefix)})?{_pattern(route)}"))
            else:
                self._exact |= {route: route, f"{prefix}{route}": route}

    def __call__(self, path: str) -> str:
        """Return the route of a path, or `OTHER`."""
        exact = self._exact.get(path)
        if exact is not None:
            return exact
        return next((route for route, pattern in self._patterns.items() if pattern.fullmatch(path)), OTHER)


def route_paths(routes: Iterable[BaseRoute]) -> list[str]:
    """Return the paths of routes; a mounted application counts as one."""
    paths: list[str] = []
    for route in routes:
        # FastAPI keeps a router that was included as it is.
        if (router := getattr(route, "original_router", None)) is not None:
            paths += route_paths(router.routes)
        path = getattr(route, "path", None)
        if isinstance(path, str):
            paths.append(f"{path}/{{path}}" if isinstance(route, Mount) else path)
    return paths


def _pattern(route: str) -> str:
    return "[^/]+".join(map(re.escape, _PARAMETER.split(route.replace(":path}", "}"))))


class MeasuredApp:
    """An ASGI application around another one, which measures its requests.

    Attributes:
        done: called after each request; `MeasuredProtocol` calls it for those that pass the application by.
    """

    def __init__(self, app: Any, name_of: Callable[[str], str], done: RequestDone) -> None:  # noqa: ANN401 -- an ASGI application, perhaps with `direct`
        self._app = app
        self._name_of = name_of
        self.done = done

    @property
    def direct(self) -> ASGIApp | None:
        """That of the application, for `DirectProtocol`."""
        direct: ASGIApp | None = self._app.direct
        return direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = perf_counter()
        state = scope.setdefault("state", {})

        def note(start: Message) -> Message:
            state[NOTED_STATUS] = start["status"]
            return start

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                state[NOTED_STATUS] = message["status"]
            await send(message)

        try:
            await self._app(with_changed_start(scope, note), receive, noting)
        finally:
            status = state.get(NOTED_STATUS, DISCONNECTED)
            reason = state.get(NOTED_REASON, "")
            self.done(self._name_of(scope["path"]), status, reason, perf_counter() - begun)


class MeasuredProtocol(DirectProtocol):
    """`DirectProtocol` for a `MeasuredApp`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- those of uvicorn
        super().__init__(*args, **kwargs)
        self._done: RequestDone = getattr(self.app, "done", _ignore)
        self._begun = 0.0

    def _start(self, exchange: DirectExchange) -> None:
        self._begun = perf_counter()
        super()._start(exchange)

    def _finish(self, exchange: DirectExchange, answer: Answer | None) -> None:
        # Before: afterwards, the next request of the connection may have begun.
        seconds = perf_counter() - self._begun
        super()._finish(exchange, answer)
        status = DISCONNECTED if answer is None else answer.response.status_code
        self._done(exchange.route.path, status, exchange.scope["state"].get(NOTED_REASON, ""), seconds)


def _ignore(_endpoint: str, _status: int, _reason: str, _seconds: float) -> None:
    """Measure nothing."""
