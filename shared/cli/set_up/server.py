"""Serves the set-up page in the process of ``doorward up``."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from shared.cli.set_up.components import RunningSetUp
from shared.cli.set_up.page import set_up_app
from shared.idle_connections import SERVER_S


async def serve(set_up: RunningSetUp, listener: socket.socket, *, beyond_loopback: bool) -> None:
    """Serve the set-up page until cancelled.

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
        await asyncio.shield(task)
    finally:
        server.should_exit = server.force_exit = True
        await asyncio.wait({task})


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to ``doorward up``."""
        yield
