"""The allowed web origins: the defence against web pages that make a browser call a local server."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from resource_service.errors import Refusal, foreign_origin
from resource_service.settings import ResourceSettings
from shared.asgi import CorsPolicy, header_values
from shared.uris import is_loopback, serialize_origin, split_absolute

EXPOSED = ("WWW-Authenticate", "DPoP-Nonce", "Mcp-Session-Id", "X-Request-Id", "Retry-After")


class Origins:
    """The cross-origin policies that `settings` describe."""

    def __init__(self, settings: ResourceSettings) -> None:
        self._allowed = {settings.origin, *settings.allowed_origins}
        self._on_loopback = settings.on_loopback
        mcp = CorsPolicy(("GET", "POST", "DELETE"), self.allows, EXPOSED)
        plain = CorsPolicy(("GET",), self.allows, EXPOSED)
        self._open = CorsPolicy(("GET", "HEAD"))
        aliases = dict.fromkeys(("/token", "/register"), CorsPolicy(("POST",)))
        self._policies = {
            settings.mcp_path or "/": mcp,
            **dict.fromkeys((mount.path for mount in settings.mounts), mcp),
            "/hello": plain,
            "/v1/contexts": plain,
            **dict.fromkeys(("/health", "/live", "/ready"), CorsPolicy(("GET",))),
            **(aliases if settings.legacy_aliases else {}),
        }

    def allows(self, origin: str) -> bool:
        """Check whether pages of `origin` may call endpoints that need a token.

        In addition to its own and the configured origins, a service on loopback allows every loopback origin.
        Developer tools run there on arbitrary ports, and a page from elsewhere, against which the check
        protects, cannot have such an origin.
        """
        if origin in self._allowed or "*" in self._allowed:
            return True
        return self._on_loopback and _is_loopback_origin(origin)

    def policy_of(self, path: str) -> CorsPolicy | None:
        """Return the cross-origin policy of a path without the base path."""
        if path.startswith("/.well-known/"):
            return self._open
        return self._policies.get(path.removesuffix("/") or "/")


class OriginCheck:
    """Refuses requests with 403 if the path's policy does not allow the origin of the page.

    A request without ``Origin`` is not from a page. The Host header is ignored: no response is built from it,
    and a rebound name is recognized by its Origin.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        policy_of: Callable[[str], CorsPolicy | None],
        refuse: Callable[[Refusal, Scope], Response],
    ) -> None:
        self.app = app
        self.policy_of = policy_of
        self.refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refused_origin(scope) if scope["type"] == "http" else None
        if refused is None:
            await self.app(scope, receive, send)
        else:
            await self.refuse(foreign_origin(refused), scope)(scope, receive, send)

    def _refused_origin(self, scope: Scope) -> str | None:
        policy = self.policy_of(scope["path"])
        if policy is None or policy.allows is None:
            return None
        allows = policy.allows
        return next((origin for origin in header_values(scope, "origin") if not allows(origin)), None)


def _is_loopback_origin(origin: str) -> bool:
    try:
        parts = split_absolute(origin)
        return parts.scheme in ("http", "https") and is_loopback(parts) and serialize_origin(parts) == origin
    except ValueError:
        return False
