"""Cross-origin answers for clients that run in a browser (the Fetch standard, §3.2).

Nothing here uses cookies, so credentials are never allowed, and the headers a client asks for are granted as
asked: MCP clients make up names of their own (``Mcp-Param-…``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.asgi.headers import header_values

Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class CorsPolicy:
    """What pages of other origins may do with one path.

    Attributes:
        methods: all that the path serves, OPTIONS aside.
        allows: whether pages of an origin may; None lets every origin.
        exposed: response headers that scripts may read.
        max_age_s: how long a browser may keep the answer to a preflight.
    """

    methods: tuple[str, ...]
    allows: Callable[[str], bool] | None = None
    exposed: tuple[str, ...] = ("WWW-Authenticate", "X-Request-Id", "Retry-After")
    max_age_s: int = 600

    def answer(self, origin: str | None) -> Headers:
        """The headers of an actual answer to `origin`."""
        granted = self._origin(origin)
        if self.exposed and "Access-Control-Allow-Origin" in granted:
            granted["Access-Control-Expose-Headers"] = ", ".join(self.exposed)
        return granted

    def preflight(self, origin: str | None, requested_headers: str | None) -> Headers:
        """The headers of the answer to OPTIONS; a page that is not allowed learns only the methods."""
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
        # A cache in between must not give the answer for one origin to another.
        allowed = {"Access-Control-Allow-Origin": origin} if origin and self.allows(origin) else {}
        return {**allowed, "Vary": "Origin"}


class Cors:
    """Answer OPTIONS, which never needs a token, and mark the answers that a page may read.

    Args:
        policy_of: the policy of a path; None where other origins have no business and OPTIONS is the app's.
    """

    def __init__(self, app: ASGIApp, *, policy_of: Callable[[str], CorsPolicy | None]) -> None:
        self.app = app
        self.policy_of = policy_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        policy = self.policy_of(scope["path"]) if scope["type"] == "http" else None
        if policy is None:
            await self.app(scope, receive, send)
            return
        origin = next(iter(header_values(scope, "origin")), None)
        if scope["method"] == "OPTIONS":
            requested = ", ".join(header_values(scope, "access-control-request-headers"))
            await Response(status_code=204, headers=policy.preflight(origin, requested))(scope, receive, send)
            return
        granted = [
            (name.lower().encode(), value.encode("latin-1")) for name, value in policy.answer(origin).items()
        ]

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *granted]
            await send(message)

        await self.app(scope, receive, send_marked)
