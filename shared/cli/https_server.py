"""Serves https, and tells those who come by plain http on the same port where to go.

Browsers and people type ``http://``. With TLS alone, they see a broken connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any, cast

import uvicorn

TLS_HANDSHAKE = 0x16
"""The first byte of a TLS connection: the content type of a handshake record (RFC 8446 §5.1)."""

FIRST_BYTE_TIMEOUT_S = 10.0
MAX_HEAD_BYTES = 8192
MAX_WAITING = 256
"""Connections that have sent nothing yet, or a part of a plain request."""


class HttpsServer(uvicorn.Server):
    """uvicorn's server, with a listener of its own."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then listen."""
        await super().startup(sockets=[])
        config = self.config
        addresses = await asyncio.get_running_loop().getaddrinfo(
            config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, _, _, _, address in dict.fromkeys(addresses):
            listening = socket.create_server(
                cast("tuple[str, int]", address[:2]), family=family, backlog=config.backlog
            )
            listener = Listener(listening, self._protocol, cast("ssl.SSLContext", config.ssl), config.port)
            self.servers.append(cast("asyncio.base_events.Server", listener))
        self._log_started_message([])

    def _protocol(self) -> asyncio.Protocol:
        create = cast("Any", self.config.http_protocol_class)
        protocol: asyncio.Protocol = create(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol


class Listener:
    """Accepts connections, and looks at the first byte of each.

    Args:
        listening: the socket.
        protocol: creates the protocol of a connection with TLS.
        context: the certificate.
        port: in the URLs to which plain http is redirected.
    """

    def __init__(
        self,
        listening: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        context: ssl.SSLContext,
        port: int,
    ) -> None:
        self._listening = listening
        self._protocol = protocol
        self._context = context
        self._port = port
        self._loop = asyncio.get_running_loop()
        self._waiting: set[asyncio.Task[None]] = set()
        listening.setblocking(False)
        self._loop.add_reader(listening.fileno(), self._accept)

    def close(self) -> None:
        """Accept no more connections, and end those that have sent no request."""
        self._loop.remove_reader(self._listening.fileno())
        self._listening.close()
        for task in self._waiting:
            task.cancel()

    async def wait_closed(self) -> None:
        """Return when every connection that waited is closed."""
        if self._waiting:
            await asyncio.wait(self._waiting)

    def _accept(self) -> None:
        try:
            connection, _ = self._listening.accept()
        except OSError:  # gone already, or no descriptor is left
            return
        connection.setblocking(False)
        if len(self._waiting) >= MAX_WAITING:
            connection.close()
            return
        task = self._loop.create_task(self._serve(connection))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _serve(self, connection: socket.socket) -> None:
        """Hand the connection over to the protocol with TLS, or answer it in plain http."""
        try:
            with contextlib.suppress(OSError, TimeoutError):  # ssl.SSLError is an OSError
                async with asyncio.timeout(FIRST_BYTE_TIMEOUT_S):
                    await self._readable(connection)
                    first = connection.recv(1, socket.MSG_PEEK)
                    if first and first[0] != TLS_HANDSHAKE:
                        await self._answer_plain(connection)
                if first and first[0] == TLS_HANDSHAKE:
                    await self._loop.connect_accepted_socket(self._protocol, connection, ssl=self._context)
                    return
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise

    async def _readable(self, connection: socket.socket) -> None:
        """Return when there is something to read. Nothing is read: TLS needs the first byte, too."""
        readable: asyncio.Future[None] = self._loop.create_future()
        descriptor = connection.fileno()
        self._loop.add_reader(descriptor, _set, readable)
        try:
            await readable
        finally:
            self._loop.remove_reader(descriptor)

    async def _answer_plain(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head and len(head) < MAX_HEAD_BYTES:
            received = await self._loop.sock_recv(connection, MAX_HEAD_BYTES - len(head))
            if not received:
                return
            head += received
        await self._loop.sock_sendall(connection, plain_answer(head, self._port))
        connection.shutdown(socket.SHUT_WR)


def _set(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)


def plain_answer(head: bytes, port: int) -> bytes:
    """Return the answer to a request in plain http: a redirect for GET, and an error for other methods.

    The redirect is not permanent: after the next start without https, browsers must not remember it.

    Args:
        head: the request line and the fields.
        port: of this machine, where https is served.
    """
    method, _, rest = head.partition(b"\r\n")[0].partition(b" ")
    target = rest.partition(b" ")[0].decode("ascii", "replace")
    plain = target.startswith("/") and target.isprintable() and target.isascii()
    url = f"https://localhost:{port}{target if plain else '/'}"
    text = f"This server speaks https: {url}\n"
    redirects = plain and method in (b"GET", b"HEAD")
    fields = (
        f"HTTP/1.1 {'307 Temporary Redirect' if redirects else '400 Bad Request'}",
        *([f"Location: {url}"] if redirects else []),
        "Content-Type: text/plain; charset=utf-8",
        "Cache-Control: no-store",
        f"Content-Length: {len(text)}",
        "Connection: close",
    )
    body = "" if method == b"HEAD" else text
    return ("\r\n".join(fields) + "\r\n\r\n" + body).encode()
