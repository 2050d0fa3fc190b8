"""ASGI apps served over real sockets from a thread, for as long as a context lasts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.doctor.authorization_server import AuthorizationServer
from tests.doctor.mcp_server import McpServer
from tests.doctor.pair import Pair
from tests.servers import wait_until


@contextmanager
def serving(
    app: ASGIApp,
    *,
    port: int = 0,
    lifespan: Literal["on", "off"] = "off",
    certificate: Path | None = None,
    key: Path | None = None,
) -> Iterator[int]:
    """Serve `app` on a port of 127.0.0.1, any free one for 0; the port."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        config = uvicorn.Config(
            app,
            interface="asgi3",
            lifespan=lifespan,
            log_level="error",
            date_header=False,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(timeout=10)


@dataclass
class Stage:
    """Both servers, always on, playing whichever pair is put on."""

    mcp_origin: str = ""
    auth_origin: str = ""
    pair: Pair = field(init=False)

    def put_on(self, *, mcp_path: str = "/mcp", issuer_path: str = "") -> Pair:
        """A fresh pair, at these paths."""
        self.pair = Pair(f"{self.mcp_origin}{mcp_path}", f"{self.auth_origin}{issuer_path}")
        return self.pair

    async def mcp(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        answerer = McpServer(self.pair).handler(request.url.path)
        await (await self.pair.answer("mcp", request, answerer))(scope, receive, send)

    async def auth(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        answerer = AuthorizationServer(self.pair).handler(request.url.path)
        await (await self.pair.answer("auth", request, answerer))(scope, receive, send)


@contextmanager
def staging(*, certificate: Path | None = None, key: Path | None = None) -> Iterator[Stage]:
    """A stage on two free ports, over TLS if there is a certificate."""
    stage = Stage()
    scheme = "https" if certificate else "http"
    with (
        serving(stage.mcp, certificate=certificate, key=key) as mcp_port,
        serving(stage.auth, certificate=certificate, key=key) as auth_port,
    ):
        stage.mcp_origin = f"{scheme}://127.0.0.1:{mcp_port}"
        stage.auth_origin = f"{scheme}://127.0.0.1:{auth_port}"
        yield stage
