"""The public path that this service is served under, whether a proxy strips it or not."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class BasePathMiddleware:
    """Take `base_path` off the front of the path where it is there; else leave the path alone.

    Both kinds of proxy then reach the same routes, and so do the well-known documents, which live at the root
    of the host whatever the base path is.
    """

    def __init__(self, app: ASGIApp, *, base_path: str) -> None:
        self.app = app
        self.prefix = f"{base_path}/"
        self.length = len(base_path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.length and scope["type"] == "http" and scope["path"].startswith(self.prefix):
            scope = {**scope, "path": scope["path"][self.length :]}
        await self.app(scope, receive, send)
