"""Listens for the set-up page, and imports it with the first connection: most starts do not need it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass

from shared.cli.child import Service
from shared.cli.console import errors
from shared.cli.local_services import LocalServices
from shared.cli.set_up.one_time_code import OneTimeCode


@dataclass(frozen=True, kw_only=True)
class SetUpListener:
    """Where the set-up page of the running services listens.

    Attributes:
        link: the secret of the link for the first administrator.
        restart: replaces the running services.
        port: another one is taken if it is used.
        host: instead of loopback: in a container, all requests come from other machines.
    """

    local: LocalServices
    link: str
    restart: Callable[[Sequence[Service]], Awaitable[None]]
    port: int
    host: str | None

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Listen inside the context; yield the URL of the link for the person.

        Raises:
            OSError: the machine cannot listen on the host.
        """
        code = OneTimeCode()
        with closing(self._socket()) as listener:
            task = asyncio.create_task(self._serve_or_close(listener, code))
            try:
                yield f"http://localhost:{listener.getsockname()[1]}/#{code.code}"
            finally:
                task.cancel()
                await asyncio.wait({task})

    def _socket(self) -> socket.socket:
        for port in (self.port, 0):
            with suppress(OSError):
                return socket.create_server((self.host or "127.0.0.1", port))
        return socket.create_server((self.host or "127.0.0.1", 0))

    async def _serve_or_close(self, listener: socket.socket, code: OneTimeCode) -> None:
        """Serve until cancelled; after an error, refuse connections: a browser would wait without end."""
        try:
            await self._serve(listener, code)
        except Exception as error:  # noqa: BLE001 -- the services go on without the page
            listener.close()
            errors.print(
                f"The set-up page ended: {type(error).__name__}: {error}. To get a new one, start again.",
                markup=False,
            )

    async def _serve(self, listener: socket.socket, code: OneTimeCode) -> None:
        await _connection(listener)
        from shared.cli.set_up.components import RunningSetUp
        from shared.cli.set_up.server import serve

        running = RunningSetUp(local=self.local, link=self.link, restart=self.restart, one_time_code=code)
        await serve(running, listener, beyond_loopback=self.host is not None)


async def _connection(listener: socket.socket) -> None:
    """Wait until somebody connects; the connection stays in the queue of the socket."""
    loop, connected = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(listener, connected.set)
    try:
        await connected.wait()
    finally:
        loop.remove_reader(listener)
