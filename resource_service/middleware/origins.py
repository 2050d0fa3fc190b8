"""Which web origins may call what: the defence against pages that make a browser talk to a local server."""

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
    """Which pages may call what, as `settings` have it."""

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
            "/health": CorsPolicy(("GET",)),
            **(aliases if settings.legacy_aliases else {}),
        }

    def allows(self, origin: str) -> bool:
        """Whether pages of `origin` may call what needs a token.

        Beside our own and the configured ones, a service on loopback lets every loopback origin in: that is
        where developers' tools run, on ports of their choosing, and a page from elsewhere, which is what the
        check is for, cannot have such an origin.
        """
        if origin in self._allowed or "*" in self._allowed:
            return True
        return self._on_loopback and _is_loopback_origin(origin)

    def policy_of(self, path: str) -> CorsPolicy | None:
        """The cross-origin policy of a path, with the base path off it."""
        if path.startswith("/.well-known/"):
            return self._open
        return self._policies.get(path.removesuffix("/") or "/")


class OriginCheck:
    """Refuse with 403 what comes from a page whose origin the policy of the path does not allow.

    A request without ``Origin`` is not from a page. The Host header is of no interest: no answer is built
    from it, and a rebound name gives itself away by its Origin.
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
