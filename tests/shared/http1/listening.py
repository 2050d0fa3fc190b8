"""A server that answers over real sockets as each test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType

from shared.http1 import Client, Limits, Request, Server
from tests.certificates import Authority

GET = Request(b"GET", b"/", [(b"host", b"x")])
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Answer = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The server's side of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.reader, self.writer, self.number = reader, writer, number

    @property
    def fileno(self) -> int:
        """The descriptor of its socket."""
        descriptor: int = self.writer.get_extra_info("socket").fileno()
        return descriptor

    async def request(self) -> bytes:
        """Read the head of a request without a body."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def closed(self) -> None:
        """Return once the client has closed the connection."""
        try:
            while await self.reader.read(65_536):
                pass
        except ConnectionError:
            pass


class Listening:
    """A server that treats each connection as `answer` says.

    Attributes:
        connections: how many there were.
    """

    def __init__(self, answer: Answer, authority: Authority | None = None) -> None:
        self._answer, self._authority = answer, authority
        self.connections = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Listening:
        tls = self._authority.certifying("127.0.0.1") if self._authority else None
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._answer(Peer(reader, writer, self.connections))
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def client(self, **limits: float) -> Client:
        """A client of this server."""
        merged: dict[str, float] = {
            "connect_s": 5,
            "silence_s": 5,
            "connections": 10,
            "kept_alive_s": 5,
        } | limits
        tls = self._authority.trusting() if self._authority else None
        whole = {name: value for name, value in merged.items() if name != "connections"}
        return Client(
            Server("127.0.0.1", self.port, tls), Limits(connections=int(merged["connections"]), **whole)
        )


async def every_time(peer: Peer) -> None:
    while True:
        await peer.request()
        await peer.send(OK)


async def whole(client: Client, request: Request = GET) -> tuple[int, bytes]:
    """Exchange a request for a whole response."""
    response = await client.send(request)
    try:
        body = b""
        while chunk := await response.read():
            body += chunk
        return response.status, body
    finally:
        response.close()


@asynccontextmanager
async def talking(answer: Answer, **limits: float) -> AsyncIterator[tuple[Listening, Client]]:
    """A server, and a client of it."""
    async with Listening(answer) as server, server.client(**limits) as client:
        yield server, client
