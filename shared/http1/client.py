"""The connections to one server."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from shared.http1.connection import Connection, Response
from shared.http1.errors import BusyError, ConnectError, ExchangeError
from shared.http1.request import Request
from shared.http1.sockets import connected_socket, connected_unix_socket
from shared.idle_connections import CLIENT_S

MAX_IDLE = 100


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server listens.

    Attributes:
        host: a name or an address.
        tls: None for plain TCP.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class UnixServer:
    """A server on a Unix socket of this machine.

    Attributes:
        is_trusted: whether a process, by its id, may be the server; asked where the system tells the id.
    """

    path: str
    is_trusted: Callable[[int], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a client, in seconds and connections.

    Attributes:
        connect_s: to wait for a free connection, to connect, and to send a request.
        silence_s: between two parts of a response, and before the first.
        kept_alive_s: how long an idle connection is kept.
    """

    connect_s: float
    silence_s: float
    connections: int
    kept_alive_s: float = CLIENT_S


Check = Callable[[Connection], Awaitable[None]]


class Client:
    """A client for one server. Use it as a context, which closes the connections at its end.

    A request is never sent twice: it might have been executed.

    Args:
        check: examines each new connection before its first request; there is none if it raises an
            `ExchangeError`.
    """

    def __init__(self, server: Server | UnixServer, limits: Limits, *, check: Check | None = None) -> None:
        self._server = server
        self._check = check
        self._is_retired = False
        self._limits = limits
        self._room = asyncio.Semaphore(limits.connections)
        self._idle: deque[Connection] = deque()  # the most recently used is last
        self._in_use: set[Connection] = set()
        self._closing_idle: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._closing_idle:
            self._closing_idle.cancel()
        for connection in (*self._idle, *self._in_use):
            connection.abort()
        self._idle.clear()

    def retire(self) -> None:
        """Close the idle connections at once, and those in use when their exchanges end."""
        self._is_retired = True
        for connection in self._idle:
            connection.abort()
        self._idle.clear()

    async def send(self, request: Request) -> Response:
        """Send a request, and return the response with an unread body. Close the response in any case.

        Raises:
            InvalidRequestError, BusyError, ConnectError: nothing was sent.
            SilentError, BrokenOffError: there is no response.
        """
        serialized = request.serialize()
        await self._wait_for_room()
        try:
            connection = self._take_idle() or await self._connect()
        except BaseException:
            self._room.release()
            raise
        self._in_use.add(connection)
        try:
            response = await connection.exchange(
                serialized, write_within_s=self._limits.connect_s, silence_s=self._limits.silence_s
            )
        except BaseException:
            self._release(connection)
            raise
        response.when_closed(lambda: self._release(connection))
        return response

    async def _wait_for_room(self) -> None:
        if not self._room.locked():
            await self._room.acquire()  # at once
            return
        try:
            async with asyncio.timeout(self._limits.connect_s):
                await self._room.acquire()
        except TimeoutError as error:
            raise BusyError(f"all {self._limits.connections} connections are in use") from error

    def _take_idle(self) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - self._limits.kept_alive_s
        while self._idle:
            connection = self._idle.pop()
            if connection.idle_since > oldest and connection.is_quiet:
                return connection
            connection.abort()
        return None

    async def _connect(self) -> Connection:
        try:
            async with asyncio.timeout(self._limits.connect_s):
                connection = await _connection_to(self._server)
                await self._examine(connection)
        except TimeoutError as error:
            raise ConnectError(f"no connection within {self._limits.connect_s:g} s") from error
        except (
            OSError,
            UnicodeError,
            ExchangeError,
        ) as error:
            raise ConnectError(str(error)) from error
        return connection

    async def _examine(self, connection: Connection) -> None:
        if self._check is None:
            return
        try:
            await self._check(connection)
        except BaseException:
            connection.abort()
            raise

    def _release(self, connection: Connection) -> None:
        self._in_use.discard(connection)
        if connection.is_reusable and not self._is_retired:
            connection.rest()
            self._keep(connection)
        else:
            connection.abort()
        self._room.release()

    def _keep(self, connection: Connection) -> None:
        self._idle.append(connection)
        if len(self._idle) > MAX_IDLE:
            self._idle.popleft().abort()
        if self._closing_idle is None:
            self._close_idle_later()

    def _close_idle_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._closing_idle = loop.call_later(self._limits.kept_alive_s, self._close_idle)

    def _close_idle(self) -> None:
        self._closing_idle = None
        oldest = asyncio.get_running_loop().time() - self._limits.kept_alive_s
        while self._idle and (self._idle[0].is_lost or self._idle[0].idle_since <= oldest):
            self._idle.popleft().abort()
        if self._idle:
            self._close_idle_later()


async def _connection_to(server: Server | UnixServer) -> Connection:
    loop = asyncio.get_running_loop()
    if isinstance(server, UnixServer):
        connected = await connected_unix_socket(server.path, server.is_trusted)
        _, connection = await loop.create_unix_connection(Connection, sock=connected)
        return connection
    connected = await connected_socket(server.host, server.port)
    _, connection = await loop.create_connection(
        Connection,
        sock=connected,
        ssl=server.tls,
        server_hostname=server.host if server.tls else None,
    )
    return connection
