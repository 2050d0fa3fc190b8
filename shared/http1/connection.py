"""One connection to a server, and the response of the exchange that it carries."""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import Callable
from typing import Self, cast

from shared.http1.errors import BrokenOffError, ExchangeError, SilentError
from shared.http1.parser import ResponseParser
from shared.http1.request import Fields
from shared.http1.time_limit import TimeLimit

MAX_BUFFERED_BYTES = 262_144
"""Above this, the connection is not read until the response has been: its reader sets the pace."""


class Connection(asyncio.Protocol):
    """A connection that carries one exchange after another, one at a time.

    Attributes:
        is_lost: whether it is closed, at least by the server.
        idle_since: when its last exchange ended, on the clock of the event loop.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport  # from `connection_made` on, which is before everything else
        self._poll = select.poll()
        self._parser: ResponseParser | None = None
        self._error: ExchangeError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._limit = TimeLimit(self._expire)
        self._cannot_write = self._is_paused = False
        self.is_lost = False
        self.idle_since = 0.0

    async def exchange(self, request: bytes, *, write_within_s: float, silence_s: float) -> Response:
        """Send a request, and return the response with an unread body.

        Args:
            write_within_s: how long the server may take to receive any more of the request.
            silence_s: how long the server may take to send anything.

        Raises:
            SilentError, BrokenOffError: there is no response.
        """
        self._parser = parser = ResponseParser()
        self._transport.write(request)
        while self._cannot_write and not (parser.has_head or self._error):
            await self._wait_for_progress(write_within_s)
        while not parser.has_head:
            await self.wait(silence_s)
        return Response(self, parser, silence_s)

    async def wait(self, within_s: float) -> None:
        """Wait for more of the response.

        Raises:
            SilentError: nothing arrives in time.
            BrokenOffError: nothing will arrive.
        """
        if self._error:
            raise self._error
        await self._wake_up(within_s, "the server sends nothing")
        if self._error:
            raise self._error

    def resume(self) -> None:
        """Read on, if the connection is paused because too much was buffered."""
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    @property
    def is_reusable(self) -> bool:
        """Whether its exchange is over in such a way that another one may follow."""
        parser = self._parser
        return (
            not self.is_lost
            and self._error is None
            and parser is not None
            and parser.is_complete
            and parser.keeps_alive
            and not self._transport.get_write_buffer_size()
        )

    @property
    def is_quiet(self) -> bool:
        """Whether the server has sent nothing since its last response, nor closed the connection.

        The kernel is asked, because the event loop may not have come to it: the next request would be lost.
        """
        return not self.is_lost and not self._poll.poll(0)

    def rest(self) -> None:
        """Note that the exchange is over; from now on, the server may only close the connection."""
        self._parser = None
        self.idle_since = self._loop.time()
        self.resume()

    def abort(self) -> None:
        """Close the connection at once."""
        self.is_lost = True
        self._transport.abort()

    # Called by the transport:

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        parser = self._parser
        if parser is None:
            self.abort()  # a response that nobody asked for
            return
        try:
            parser.feed(data)
        except BrokenOffError as error:
            self._fail(error)
            self.abort()
            return
        if parser.buffered > MAX_BUFFERED_BYTES and not parser.is_complete:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """Note that the server sends no more; only this ends a response without a length (RFC 9112 §8)."""
        self.is_lost = True
        if self._parser is not None:
            try:
                self._parser.feed_eof(is_whole=_was_announced(self._transport))
            except BrokenOffError as error:
                self._fail(error)
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that nothing more arrives: without an end before, the response was cut off, or given up."""
        self.is_lost = True
        self._limit.stop()
        if self._parser is not None and not self._parser.is_complete:
            reason = f"{type(exc).__name__}: {exc}" if exc else "the connection was closed"
            self._fail(BrokenOffError(reason))
        self._wake()

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._cannot_write = True

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._cannot_write = False
        self._wake()

    def _fail(self, error: ExchangeError) -> None:
        self._error = self._error or error
        self._wake()

    async def _wait_for_progress(self, within_s: float) -> None:
        left = self._transport.get_write_buffer_size()
        try:
            await self._wake_up(within_s, "the server does not receive the request")
        except SilentError:
            if self._transport.get_write_buffer_size() >= left:
                raise

    async def _wake_up(self, within_s: float, silent: str) -> None:
        self._waiter = waiter = self._loop.create_future()
        self._limit.begin(self._loop, within_s, silent)
        try:
            await waiter
        finally:
            self._limit.end()
            self._waiter = None

    def _expire(self, error: SilentError) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _was_announced(transport: asyncio.Transport) -> bool:
    """Check that the end of the data is the server's: in TLS, anybody on the way can end the connection.

    RFC 9112 §9.8: without a closure alert, a response that ends with the connection is incomplete.
    """
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if tls is None:
        return True
    try:
        return tls.read(1) == b""
    except ssl.SSLZeroReturnError:
        return True
    except ssl.SSLError:
        return False


class Response:
    """A response whose body is read as it arrives.

    Attributes:
        status: the status code, never an informational one.
        fields: the header fields, with names in lower case.
    """

    __slots__ = ("_connection", "_on_close", "_parser", "_silence_s", "fields", "status")

    def __init__(self, connection: Connection, parser: ResponseParser, silence_s: float) -> None:
        self._connection = connection
        self._parser = parser
        self._silence_s = silence_s
        self._on_close: Callable[[], None] | None = None
        self.status: int = parser.status
        self.fields: Fields = parser.fields

    def header(self, name: bytes) -> str | None:
        """Return the value of a header field, or None; several fields are joined (RFC 9110 §5.3)."""
        values = [value for field, value in self.fields if field == name]
        if not values:
            return None
        return (values[0] if len(values) == 1 else b", ".join(values)).decode("latin-1")

    async def read(self) -> bytes:
        """Return the next bytes of the body; empty at its end.

        Raises:
            SilentError, BrokenOffError: the body is not complete, and nothing more arrives.
        """
        parser = self._parser
        while not parser.buffered:
            if parser.is_complete:
                return b""
            await self._connection.wait(self._silence_s)
        chunk = parser.take()
        self._connection.resume()
        return chunk

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if chunk := await self.read():
            return chunk
        raise StopAsyncIteration

    def when_closed(self, callback: Callable[[], None]) -> None:
        """Let `callback` be called by the first `close`."""
        self._on_close = callback

    def close(self) -> None:
        """Give the connection back; it is closed unless the whole response has arrived."""
        callback, self._on_close = self._on_close, None
        if callback is not None:
            callback()
