"""A request is heard out before it is refused, because proxies stumble over an answer that comes too soon.

A reverse proxy written in Go (Caddy, Traefik) takes the end of its work on a request for the end of the
request: an answer that begins while the body is still on its way can break the connection that it comes on,
and what reaches the client is a 401 cut short, from which it learns nothing.
"""

from __future__ import annotations

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.asgi import header_values

MAX_BYTES = 65_536
PATIENCE_S = 1.0


class DrainBody:
    """Read what is left of a short body before an answer of 400 or above begins.

    A body that is longer than `MAX_BYTES`, or is not here within `PATIENCE_S`, is not waited for. Neither is
    one that its client will send only when asked to (RFC 9110 §10.1.1).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or header_values(scope, "expect"):
            await self.app(scope, receive, send)
            return
        body_reader = _BodyReader(receive)

        async def send_when_heard(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                await body_reader.finish()
            await send(message)

        await self.app(scope, body_reader.receive, send_when_heard)


class _BodyReader:
    """How far the body of a request has been read, by anybody."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._bytes = 0
        self._over = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        self._over = self._over or not message.get("more_body", False)
        return message

    async def finish(self) -> None:
        with anyio.move_on_after(PATIENCE_S):
            while not self._over and self._bytes <= MAX_BYTES:
                await self.receive()
