"""Support for a public URL with a path, behind a proxy that passes the path on or strips it."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class Prefix:
    """Serve the app both under `prefix` and without it.

    Args:
        prefix: the path of the public URL, without a trailing slash.
    """

    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and f"{path}/".startswith(f"{self.prefix}/"):
            scope = {**scope, "path": path[len(self.prefix) :] or "/"}
        await self.app(scope, receive, send)
