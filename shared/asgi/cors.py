"""CORS for clients that run in a browser (the Fetch standard, §3.2).

These paths do not use cookies, so credentials are never allowed, and every requested header is allowed:
MCP clients invent header names (``Mcp-Param-…``).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.asgi.headers import header_values

Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class CorsPolicy:
    """The access that pages of other origins have to one path.

    Attributes:
        methods: all that the path serves, except OPTIONS.
        allows: whether an origin has access; None allows every origin.
        exposed: response headers that scripts may read.
        max_age_s: how long a browser may cache the preflight response.
    """

    methods: tuple[str, ...]
    allows: Callable[[str], bool] | None = None
    exposed: tuple[str, ...] = ("WWW-Authenticate", "X-Request-Id", "Retry-After")
    max_age_s: int = 600

    def answer(self, origin: str | None) -> Headers:
        """Return the headers of the actual response to `origin`."""
        granted = self._origin(origin)
        if self.exposed and "Access-Control-Allow-Origin" in granted:
            granted["Access-Control-Expose-Headers"] = ", ".join(self.exposed)
        return granted

    def raw_answer(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Return the headers of the actual response to a request."""
        if self.allows is None:
            return _for_everybody(self.exposed)
        origin = next(iter(header_values(scope, "origin")), None)
        return _raw(self.answer(origin))

    def preflight(self, origin: str | None, requested_headers: str | None) -> Headers:
        """Return the headers of the response to OPTIONS; an origin without access gets only the methods."""
        granted = {"Allow": ", ".join((*self.methods, "OPTIONS")), **self._origin(origin)}
        if "Access-Control-Allow-Origin" in granted:
            granted["Access-Control-Allow-Methods"] = ", ".join(self.methods)
            granted["Access-Control-Max-Age"] = str(self.max_age_s)
            if requested_headers:
                granted["Access-Control-Allow-Headers"] = requested_headers
                granted["Vary"] = ", ".join(
                    filter(None, (granted.get("Vary"), "Access-Control-Request-Headers"))
                )
        return granted

    def _origin(self, origin: str | None) -> Headers:
        if self.allows is None:
            return {"Access-Control-Allow-Origin": "*"}
        # A shared cache must not serve one origin's response to another.
        allowed = {"Access-Control-Allow-Origin": origin} if origin and self.allows(origin) else {}
        return {**allowed, "Vary": "Origin"}


class Cors:
    """Answer OPTIONS, which never needs a token, and mark the responses that a page may read.

    Args:
        policy_of: returns the policy of a path; None denies other origins and leaves OPTIONS to the app.
    """

    def __init__(self, app: ASGIApp, *, policy_of: Callable[[str], CorsPolicy | None]) -> None:
        self.app = app
        self.policy_of = policy_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        policy = self.policy_of(scope["path"]) if scope["type"] == "http" else None
        if policy is None:
            await self.app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            origin = next(iter(header_values(scope, "origin")), None)
            requested = ", ".join(header_values(scope, "access-control-request-headers"))
            await Response(status_code=204, headers=policy.preflight(origin, requested))(scope, receive, send)
            return
        granted = policy.raw_answer(scope)

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *granted]
            await send(message)

        await self.app(scope, receive, send_marked)


def _raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]


@functools.cache
def _for_everybody(exposed: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    return _raw(CorsPolicy((), exposed=exposed).answer(None))
