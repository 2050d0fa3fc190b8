"""The redirect URI of a native app: a listener on the loopback interface (RFC 8252 §7.3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from shared.cli.doctor.profiles import PORT

DEFAULT_REDIRECT = f"http://127.0.0.1:{PORT}/callback"
_HEAD_TIMEOUT_S = 5.0
_MAX_HEAD_BYTES = 16_384
_PAGE = b"<!doctype html><title>Doorward doctor</title><p>Done. Go back to the terminal."
_NOT_HERE = b"<!doctype html><title>Doorward doctor</title><p>This is not the page that is waited for."


@dataclass(frozen=True, slots=True)
class Listener:
    """Waits for the authorization response."""

    redirect_uri: str
    _answers: asyncio.Queue[dict[str, str]]

    async def answer(self, timeout_s: float) -> dict[str, str] | None:
        """Return the parameters of the next response; None if none arrives within `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._answers.get()
        except TimeoutError:
            return None

    def deliver(self, url: str) -> bool:
        """Read the response in a redirect's URL; return False if it has none for this listener."""
        target, parameters = urlsplit(url), dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
        if target.path != urlsplit(self.redirect_uri).path or not parameters.keys() & {"code", "error"}:
            return False
        with suppress(asyncio.QueueFull):
            self._answers.put_nowait(parameters)
        return True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of a browser."""
        try:
            delivered = self.deliver(await _target(reader))
            writer.write(_response(200, _PAGE) if delivered else _response(404, _NOT_HERE))
            await writer.drain()
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.close()


async def _target(reader: asyncio.StreamReader) -> str:
    """Return the path and query of a GET request; empty for any other request."""
    async with asyncio.timeout(_HEAD_TIMEOUT_S):
        head = await reader.readuntil(b"\r\n\r\n")
    method, _, rest = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
    return rest.partition(" ")[0] if method == "GET" else ""


@asynccontextmanager
async def listening(template: str = DEFAULT_REDIRECT, port: int = 0) -> AsyncIterator[Listener]:
    """Listen at `template`, with its port replaced by `port` or any free one.

    Raises:
        OSError: the port is unavailable.
    """
    answers: asyncio.Queue[dict[str, str]] = asyncio.Queue(8)
    listener: Listener | None = None

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if listener is not None:
            await listener.serve(reader, writer)

    # A browser that tries ::1 for localhost first falls back to 127.0.0.1.
    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=_MAX_HEAD_BYTES)
    async with server:
        bound = server.sockets[0].getsockname()[1]
        listener = Listener(template.replace(PORT, str(bound)), answers)
        yield listener


def _response(status: int, page: bytes) -> bytes:
    reason = {200: "OK", 404: "Not Found"}[status]
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n"
        "Cache-Control: no-store\r\nContent-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + page
