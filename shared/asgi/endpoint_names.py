"""Maps the paths of requests to the routes that serve them: for metrics, log lines and traces."""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.routing import BaseRoute, Mount

OTHER = "other"
"""The endpoint of a request to any path that is not a route."""

_PARAMETER = re.compile(r"\{[^}]*\}")


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
