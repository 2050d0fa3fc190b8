"""The private socket on which a worker accepts the requests that other workers pass on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import socket

import uvicorn
from starlette.types import ASGIApp

from shared.asgi.direct_protocol import DirectProtocol
from shared.idle_connections import SERVER_S

STOPPED_WITHIN_S = 1
"""The server that clients reach has waited for the requests before."""


class PrivateServer:
    """Serves `app` on a Unix socket, beside the server of this process.

    Args:
        path: of the socket; its folder must be private.
    """

    def __init__(self, app: ASGIApp, path: Path) -> None:
        self._path = path
        self._server = _Server(
            uvicorn.Config(
                app,
                interface="asgi3",
                uds=str(path),
                http=DirectProtocol,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_keep_alive=SERVER_S,
                timeout_graceful_shutdown=STOPPED_WITHIN_S,
            )
        )
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve from now on.

        Raises:
            OSError: the socket cannot be created.
        """
        self._serving = asyncio.create_task(self._server.serve())
        ready = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait((self._serving, ready), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._serving.done():
            raise OSError(f"cannot listen on {self._path}")

    async def stop(self) -> None:
        """Serve no longer."""
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        with suppress(FileNotFoundError):
            self._path.unlink()


class _Server(uvicorn.Server):
    """A server that leaves the signals to the other one of this process.

    Attributes:
        ready: set once it accepts connections.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        await super().startup(sockets)
        self.ready.set()
