"""Listens for the set-up page in the process of ``doorward up``."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import uvicorn

from shared.cli.set_up.components import RunningSetUp
from shared.cli.set_up.page import set_up_app
from shared.idle_connections import SERVER_S


def set_up_socket(port: int, host: str | None) -> socket.socket:
    """Return a socket that listens on loopback, or on `host`; on another port if `port` is used.

    Raises:
        OSError: the machine cannot listen on the host.
    """
    for each in (port, 0):
        with suppress(OSError):
            return socket.create_server((host or "127.0.0.1", each))
    return socket.create_server((host or "127.0.0.1", 0))


@asynccontextmanager
async def serving(
    set_up: RunningSetUp, listener: socket.socket, *, beyond_loopback: bool
) -> AsyncIterator[str]:
    """Serve the set-up page inside the context; yield the URL of the link for the person.

    Args:
        beyond_loopback: whether requests may come from other machines: in a container, all do.
    """
    port = listener.getsockname()[1]
    app = set_up_app(set_up, port, beyond_loopback=beyond_loopback)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_keep_alive=SERVER_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield f"http://localhost:{port}/#{set_up.one_time_code.code}"
    finally:
        server.should_exit = server.force_exit = True
        await asyncio.wait({task})


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to ``doorward up``."""
        yield
