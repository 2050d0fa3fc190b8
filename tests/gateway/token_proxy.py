"""Adds a bearer token to every request that passes, for clients that have none of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress


class TokenProxy:
    """Listens on a port of its own and passes on to `port`, byte for byte but for the token."""

    def __init__(self, port: int, token: str) -> None:
        self._to = port
        self._header = f"Authorization: Bearer {token}\r\nConnection: close\r\n".encode()
        self.port = 0
        self._exchanges: set[asyncio.Task[None]] = set()

    async def serve(self, ready: threading.Event) -> None:
        """Until stopped."""
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(self._connected, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await self._stopped.wait()
            for exchange in self._exchanges:
                exchange.cancel()
            await asyncio.gather(*self._exchanges, return_exceptions=True)

    def stop(self) -> None:
        """End `serve`, from another thread."""
        self._loop.call_soon_threadsafe(self._stopped.set)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request: the answer ends with its connection."""
        exchange = asyncio.create_task(self._exchange(reader, writer))
        self._exchanges.add(exchange)
        exchange.add_done_callback(self._exchanges.discard)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(ConnectionError, asyncio.IncompleteReadError):
            request_line = await reader.readuntil(b"\r\n")
            answering, asking = await asyncio.open_connection("127.0.0.1", self._to)
            with closing(asking):
                asking.write(request_line + self._header)
                upward = asyncio.create_task(_copy(reader, asking, drop=b"connection:"))
                try:
                    await _copy(answering, writer)
                finally:
                    upward.cancel()
                    await asyncio.gather(upward, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, drop: bytes = b"") -> None:
    with suppress(ConnectionError):
        while drop and (line := await reader.readline()) != b"\r\n":
            if not line.lower().startswith(drop):
                writer.write(line)
        if drop:
            writer.write(b"\r\n")
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
        writer.close()


@contextmanager
def serving(proxy: TokenProxy) -> Iterator[int]:
    """The port of a proxy, for the length of the context."""
    ready = threading.Event()

    def run() -> None:
        asyncio.run(proxy.serve(ready))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield proxy.port
    finally:
        proxy.stop()
        thread.join(10)


@contextmanager
def adding_token(port: int, token: str) -> Iterator[int]:
    """The port of a proxy to `port` that adds `token`, for the length of the context."""
    with serving(TokenProxy(port, token)) as listening:
        yield listening
