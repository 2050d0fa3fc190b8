"""An answer without ASGI messages is the one that uvicorn would send, byte for byte."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.asgi import DirectRoute, DirectRoutes, FrozenHeaders, HostNames, WholeResponse
from shared.asgi.direct_protocol import DirectProtocol
from shared.asgi.raw_response import raw_response
from tests.servers import wait_until
from tests.shared.raw_exchanges import ENDED, answered, post, serving

LIMIT = 1_000


CHUNKED = (
    b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Late: 1\r\n\r\n"
)
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


class App:
    """Two direct routes, and whatever the framework would do."""

    def __init__(self) -> None:
        self.direct = DirectRoutes(
            FrozenHeaders(self._framework),
            routes=[
                DirectRoute(method="POST", path="/echo", handler=self._echo),
                DirectRoute(method="GET", path="/document", handler=self._document, immediate=_document),
            ],
            prefix="",
            secure=True,
            max_body_bytes=LIMIT,
            host_names=HostNames(public_url="http://x", setting="X"),
            more_headers=lambda _: [],
            page_of=lambda _: Response("page"),
        )
        self.left: list[bytes] = []
        self.waiting = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.direct(scope, receive, send)

    async def _framework(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Response(f"framework {scope['method']} {scope['path']}")(scope, receive, send)

    async def _document(self, request: Request) -> Response:
        return _document(request.scope)

    async def _echo(self, request: Request) -> Response:
        body = await request.body()
        await asyncio.sleep(0)
        if body == b"raise":
            raise RuntimeError("raised")
        if body == b"split":
            return WholeResponse(b"", 200, "text/plain", {"X-Bad": "a\r\nX-Worse: b"})
        if body == b"wait":
            self.waiting.set()
            self.left.append((await request.receive())["type"].encode())
        if body in (b"204", b"304"):
            return Response(status_code=int(body))
        names = b",".join(name for name, _ in request.scope["headers"])
        names += b"|" + request.scope["query_string"] + b"|" + request.scope["raw_path"]
        return WholeResponse(names + b"|" + body, 200, "text/plain", {"Set-Cookie": "a=b"})


def _document(scope: Scope) -> Response:
    return WholeResponse(b"document", 200, "text/plain", {"Cache-Control": "public"})


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
