"""Drain request bodies before error responses, because proxies mishandle early responses.

A reverse proxy written in Go (Caddy, Traefik) treats the end of its work on a request as the end of the
request. A response that begins while the body is still being sent can break its connection, and the client
receives a truncated 401 that it cannot use.
"""

from __future__ import annotations

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.asgi import header_values

MAX_BYTES = 65_536
PATIENCE_S = 1.0


class DrainBody:
    """Reads the rest of a short body before a response of 400 or above begins.

    It does not wait for a body longer than `MAX_BYTES` or slower than `PATIENCE_S`, nor for a body that the
    client sends only on request (RFC 9110 §10.1.1).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or header_values(scope, "expect"):
            await self.app(scope, receive, send)
            return
        body_reader = BodyReader(receive)

        async def send_when_heard(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                await body_reader.finish()
            await send(message)

        await self.app(scope, body_reader.receive, send_when_heard)


class BodyReader:
    """Tracks how much of a request body has been read."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._bytes = 0
        self._over = False

    async def receive(self) -> Message:
        """Receive a message, and note how much of the body it has."""
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        self._over = self._over or not message.get("more_body", False)
        return message

    async def finish(self) -> None:
        """Read the rest of a short body."""
        if self._over:
            return
        with anyio.move_on_after(PATIENCE_S):
            while not self._over and self._bytes <= MAX_BYTES:
                await self.receive()
