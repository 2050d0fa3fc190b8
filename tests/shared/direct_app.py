"""An application with two direct routes."""

from __future__ import annotations

import asyncio
import threading

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.asgi import DirectRoute, DirectRoutes, FrozenHeaders, HostNames, WholeResponse

LIMIT = 1_000


CHUNKED = (
    b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Late: 1\r\n\r\n"
)


class App:
    """Two direct routes, and whatever the framework would do."""

    def __init__(self) -> None:
        self.direct = DirectRoutes(
            FrozenHeaders(self._framework),
            routes=[
                DirectRoute(method="POST", path="/echo", handler=self._echo),
                DirectRoute(method="GET", path="/document", handler=self._document, immediate=_immediate),
            ],
            prefix="",
            secure=True,
            max_body_bytes=LIMIT,
            host_names=HostNames(public_url="http://x", setting="X"),
            more_headers=lambda _: [],
            page_of=lambda _: Response("page"),
        )
        self.left: list[bytes] = []
        self.executed = 0
        self.waiting = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.direct(scope, receive, send)

    async def _framework(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        await Response(f"framework {scope['method']} {scope['path']}")(scope, receive, send)

    async def _document(self, request: Request) -> Response:
        return _document(request.scope)

    async def _echo(self, request: Request) -> Response:
        self.executed += 1
        body = await request.body()
        await asyncio.sleep(0)
        if body == b"raise":
            raise RuntimeError("raised")
        if body == b"split":
            return WholeResponse(b"", 200, "text/plain", {"X-Bad": "a\r\nX-Worse: b"})
        if body == b"scope":
            body = request.scope.setdefault("noted", b"first")
            request.scope["noted"] = b"again"
        if body == b"wait":
            self.waiting.set()
            self.left.append((await request.receive())["type"].encode())
        if body in (b"204", b"304"):
            return Response(status_code=int(body))
        names = b",".join(name for name, _ in request.scope["headers"])
        names += b"|" + request.scope["query_string"] + b"|" + request.scope["raw_path"]
        return WholeResponse(names + b"|" + body, 200, "text/plain", {"Set-Cookie": "a=b"})


def _document(scope: Scope) -> Response:
    return WholeResponse(b"document", 200, "text/plain", {"Cache-Control": "public"})


def _immediate(scope: Scope, _: bytes) -> Response:
    return _document(scope)
