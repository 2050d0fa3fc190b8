"""The trailer section of a request never becomes part of its headers, in either service (RS-12)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from auth_service import main as auth_main
from resource_service import main as resource_main
from shared.asgi import FrozenHeaders, read_body
from tests.servers import free_port, wait_until

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
REST = b"2\r\n{}\r\n0\r\nAuthorization: Bearer secret\r\n\r\n"


async def names_of_headers(scope: Scope, receive: Receive, send: Send) -> None:
    await read_body(scope, receive, max_body_bytes=100)
    names = [name.decode() for name, _ in scope["headers"]]
    await JSONResponse(names)(scope, receive, send)


@contextmanager
def listening() -> Iterator[int]:
    port = free_port()
    app = FrozenHeaders(names_of_headers)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off", http="httptools"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield port
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.requirement("RS-12")
@pytest.mark.parametrize("parts", [(HEAD + REST,), (HEAD, REST)], ids=["in one packet", "apart"])
def test_a_trailer_is_not_a_header(parts: tuple[bytes, ...]) -> None:
    with listening() as port, socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.endswith(b'["host","connection","transfer-encoding"]')


def test_both_services_freeze_headers_before_anything_else() -> None:
    for module in (auth_main, resource_main):
        source = module.__file__
        assert source
        with open(source) as file:
            first = file.read().partition("        Middleware(")[2]
        assert first.startswith("FrozenHeaders)")
