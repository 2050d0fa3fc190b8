"""An answer without ASGI messages is the one that uvicorn would send, byte for byte."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.asgi.direct_protocol import DirectProtocol
from shared.asgi.raw_response import raw_response
from tests.servers import wait_until
from tests.shared.direct_app import CHUNKED, LIMIT, App
from tests.shared.raw_exchanges import ENDED, answered, post, serving

EXCHANGES: dict[str, tuple[bytes, ...]] = {
    "one request": (post(b"a"),),
    "no body": (post(b""),),
    "a document": (b"GET /document HTTP/1.1\r\nHost: x\r\n\r\n",),
    "a body in parts": (post(b"abc")[:-2], b"bc"),
    "a head in parts": (post(b"abc")[:9], post(b"abc")[9:]),
    "one after another": (post(b"a"), post(b"b"), b"GET /document HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a pipeline of handlers": (post(b"a") + post(b"b") + post(b"c"),),
    "a pipeline of documents": (ENDED.replace(b"Connection: close\r\n", b"") * 30,),
    "a mixed pipeline": (post(b"a") + ENDED.replace(b"Connection: close\r\n", b"") + post(b"c"),),
    "an exception": (post(b"raise"), post(b"b")),
    "an expectation": (post(b"a", b"Expect: 100-continue"),),
    "a query": (post(b"a", path=b"/echo?x=1"),),
    "a fragment": (post(b"a", path=b"/echo?x=1#y"),),
    "an escaped path": (post(b"a", path=b"/ech%6f"),),
    "an absolute target": (post(b"a", path=b"http://x/echo"),),
    "chunks and a trailer": (CHUNKED, post(b"b")),
    "too many headers": (post(b"a", *(b"X-%d: y" % number for number in range(201))),),
    "a page": (b"GET /document HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n",),
    "HEAD": (b"HEAD /document HTTP/1.1\r\nHost: x\r\n\r\n",),
    "no content": (post(b"204"), post(b"304"), post(b"b")),
}

ENDING: dict[str, tuple[bytes, ...]] = {
    "the end of a connection": (post(b"a", b"Connection: close"),),
    "HTTP/1.0": (post(b"a", version=b"1.0"),),
    "a body that is too large": (post(b"a" * (LIMIT + 1)),),
    "a length that is not a number": (post(b"a").replace(b"Length: 1", b"Length: -1"),),
    "two lengths": (post(b"a", b"Content-Length: 2"),),
    "a length and chunks": (post(b"a", b"Transfer-Encoding: chunked"),),
    "no HTTP": (b"nonsense\r\n\r\n",),
}
"""After these, the server ends the connection by itself."""


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, int]]:
    with ExitStack() as stack:
        yield (
            stack.enter_context(serving(App(), DirectProtocol)),
            stack.enter_context(serving(App(), HttpToolsProtocol)),
        )


@pytest.mark.parametrize("name", [*EXCHANGES, *ENDING])
def test_a_connection_carries_what_it_would_carry_by_uvicorn(ports: tuple[int, int], name: str) -> None:
    parts = ENDING.get(name) or (*EXCHANGES[name], ENDED)
    direct, usual = (answered(port, parts) for port in ports)
    assert direct == usual
    assert direct.startswith(b"HTTP/1.1 ")


def test_a_header_cannot_split_a_response() -> None:
    with serving(App(), DirectProtocol) as port:
        received = answered(port, (post(b"split"),))
    assert received.startswith(b"HTTP/1.1 500 ")
    assert b"worse" not in received.lower()
    assert b"connection: close" in received


def test_a_handler_learns_that_its_client_has_gone() -> None:
    app = App()
    with serving(app, DirectProtocol) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(post(b"wait"))
            assert app.waiting.wait(10)
        wait_until(lambda: bool(app.left))
    assert app.left == [b"http.disconnect"]


@pytest.mark.parametrize("protocol", [DirectProtocol, HttpToolsProtocol])
def test_a_handler_that_outlasts_the_server_is_cancelled_and_answered(
    protocol: type[HttpToolsProtocol],
) -> None:
    app = App()
    with ExitStack() as stack:
        port = stack.enter_context(serving(app, protocol))
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(post(b"wait"))
            assert app.waiting.wait(10)
            stack.close()
            received = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert received.startswith(b"HTTP/1.1 500 Internal Server Error")
    assert app.left == []


def test_ordinary_requests_take_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    app = App()
    with serving(app, DirectProtocol) as port:
        monkeypatch.setattr(HttpToolsProtocol, "on_headers_complete", None)
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            for request in (post(b"a"), b"GET /document HTTP/1.1\r\nHost: x\r\n\r\n"):
                connection.sendall(request)
                assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("header", [(b"x", b"a\r\nb"), (b"x", b"a\0"), (b"x y", b"a"), (b"", b"a")])
def test_no_header_ends_its_line_early(header: tuple[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match="not allowed"):
        raw_response(200, [header], b"", closes=False)
