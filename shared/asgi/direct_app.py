"""An application that answers some requests before FastAPI (DESIGN D19)."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send


class DirectApp(FastAPI):
    """A FastAPI app behind another one.

    Attributes:
        direct: answers requests itself, or passes them on to `framework`.
    """

    direct: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.direct(scope, receive, send)

    async def framework(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or the lifespan, by FastAPI."""
        await super().__call__(scope, receive, send)
