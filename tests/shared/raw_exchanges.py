"""Applications served by uvicorn, and exchanges with them as bytes."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.servers import free_port, wait_until

ENDED = b"GET /document HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def post(body: bytes, *lines: bytes, version: bytes = b"1.1", path: bytes = b"/echo") -> bytes:
    head = b"\r\n".join((b"POST %b HTTP/%b" % (path, version), b"Host: x", *lines))
    return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


@contextmanager
def serving(app: ASGIApp, protocol: type[HttpToolsProtocol]) -> Iterator[int]:
    port = free_port()
    config = uvicorn.Config(
        app,
        port=port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        lifespan="off",
        http=protocol,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield port
    finally:
        server.should_exit = True
        thread.join()


def answered(port: int, parts: tuple[bytes, ...]) -> bytes:
    """Return everything that the server sends until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
        received = b""
        with suppress(ConnectionError):
            received = b"".join(iter(lambda: connection.recv(65_536), b""))
    return re.sub(rb"(?m)^(date|x-request-id): .*|[0-9a-f]{16}", b"", received)
