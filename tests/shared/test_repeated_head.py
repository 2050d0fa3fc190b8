"""A request with the head of the one before it is answered as if it had been parsed."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.asgi.direct_protocol import DirectProtocol
from shared.asgi.direct_routes import DirectRoute
from shared.asgi.repeated_head import RepeatedHead
from tests.shared.direct_app import CHUNKED, App
from tests.shared.raw_exchanges import ENDED, post, serving

DOCUMENT = b"GET /document HTTP/1.1\r\nHost: x\r\n\r\n"
FIRST = post(b"1")
SMUGGLED = b"GET /document HTTP/1.1\r\nHost: x\r\nX-Smuggled: 1\r\n\r\n"

WEBSOCKET = (
    b"GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

FOLLOWING: dict[str, tuple[bytes, ...]] = {
    "the same again": (FIRST, FIRST),
    "another body": (post(b"2"), post(b"3")),
    "a longer body": (post(b"22"), post(b"333")),
    "no body": (post(b""), post(b"")),
    "another path": (DOCUMENT, DOCUMENT, FIRST, DOCUMENT),
    "a body that comes later": (FIRST[:-1], b"2", FIRST),
    "a head that comes in parts": (FIRST[:20], FIRST[20:], FIRST),
    "two in one": (FIRST + FIRST, FIRST),
    "one and a half": (FIRST + FIRST[:30], FIRST[30:], FIRST),
    "more than its length": (FIRST + b"\r\n", FIRST),
    "a body that is a request": (post(SMUGGLED), post(SMUGGLED), DOCUMENT),
    "a request behind the body": (FIRST + SMUGGLED, FIRST),
    "an empty line before": (b"\r\n" + FIRST, FIRST, b"\r\n" + FIRST),
    "an exception": (post(b"raise"), post(b"raise"), FIRST),
    "a handler that adds to the scope": (post(b"scope"), post(b"scope"), post(b"scope")),
    "no content": (post(b"204"), post(b"304"), post(b"204")),
    "chunks": (CHUNKED, FIRST, CHUNKED),
    "an expectation": (post(b"a", b"Expect: 100-continue"), post(b"a", b"Expect: 100-continue")),
    "a header that continues": (post(b"a", b"X-Y: z\r\n  continued"), FIRST),
    "other ends of lines": (FIRST.replace(b"\r\n", b"\n"), FIRST),
    "two lengths": (post(b"a", b"Content-Length: 2"), FIRST),
    "a length and chunks": (post(b"a", b"Transfer-Encoding: chunked"), FIRST),
    "the end": (ENDED, FIRST),
    "HTTP/1.0": (post(b"1", version=b"1.0"), FIRST),
}


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, int]]:
    with ExitStack() as stack:
        yield (
            stack.enter_context(serving(App(), DirectProtocol)),
            stack.enter_context(serving(App(), HttpToolsProtocol)),
        )


def answered_in_turn(port: int, parts: tuple[bytes, ...]) -> bytes:
    """Return all responses; each part is sent when what came before it has been answered, if it is whole."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, suppress(ConnectionError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in (FIRST, FIRST, *parts):
            connection.sendall(part)
            connection.settimeout(0.02)
            with suppress(TimeoutError):
                while data := connection.recv(65_536):
                    received += data
        connection.settimeout(10)
        with suppress(ConnectionError):
            connection.sendall(ENDED)
        received += b"".join(iter(lambda: connection.recv(65_536), b""))
    return re.sub(rb"(?m)^(date|x-request-id): .*|[0-9a-f]{16}", b"", received)


@pytest.mark.parametrize("name", FOLLOWING)
def test_after_a_repeated_head_a_connection_carries_what_it_would_by_uvicorn(
    ports: tuple[int, int], name: str
) -> None:
    direct, usual = (answered_in_turn(port, FOLLOWING[name]) for port in ports)
    assert direct == usual
    assert direct.count(b"HTTP/1.1 200") >= 2


def test_a_repeated_head_is_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[bytes] = []
    original = DirectProtocol.on_message_begin

    def noting(self: DirectProtocol) -> None:
        begun.append(b"")
        original(self)

    monkeypatch.setattr(DirectProtocol, "on_message_begin", noting)
    with (
        serving(App(), DirectProtocol) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
    ):
        for number in (b"1", b"2", b"3"):
            connection.sendall(post(number))
            assert connection.recv(65_536).endswith(b"|" + number)
    assert len(begun) == 1


def test_a_client_that_leaves_in_the_middle_of_a_repeated_request_harms_nobody() -> None:
    with serving(App(), DirectProtocol) as port:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(FIRST)
                assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
                connection.sendall(FIRST[:-1])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(FIRST)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("before", [(), (FIRST,), (DOCUMENT,), (FIRST, FIRST), (DOCUMENT, DOCUMENT)])
def test_a_request_for_a_websocket_does_not_repeat_the_request_before(
    ports: tuple[int, int], before: tuple[bytes, ...]
) -> None:
    direct, usual = (refused_websocket(port, before) for port in ports)
    assert direct == usual
    assert direct.startswith(b"HTTP/1.1 403 ")


def test_a_request_for_a_websocket_does_not_execute_the_request_before_again() -> None:
    app = App()
    with serving(app, DirectProtocol) as port:
        assert refused_websocket(port, (FIRST,)).startswith(b"HTTP/1.1 403 ")
    assert app.executed == 1


def response_on(connection: socket.socket) -> bytes:
    """Return the next response, whose head and body may arrive apart."""
    received = b""
    while True:
        received += connection.recv(65_536)
        head, end, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if end and length and len(body) == int(length[1]):
            return received


def refused_websocket(port: int, before: tuple[bytes, ...]) -> bytes:
    """Return everything that a connection receives for a WebSocket, after the responses to `before`."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for request in before:
            connection.sendall(request)
            assert response_on(connection).startswith(b"HTTP/1.1 200 ")
        connection.sendall(WEBSOCKET)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    return re.sub(rb"(?mi)^date: .*", b"", received)


@pytest.mark.parametrize(
    ("request_", "body_length", "headers"),
    [
        (FIRST, 2, 2),
        (FIRST + b"\r\n", 1, 2),
        (b"\r\n" + FIRST, 1, 2),
        (FIRST.replace(b"Host: x\r\n", b"Host: x\n"), 1, 2),
        (FIRST.replace(b"Host: x", b"Host: x\r"), 1, 2),
        (FIRST.replace(b"Host: x", b"Host: x\r\n y"), 1, 2),
        (post(b"1", b"X: " + b"y" * 5_000), 1, 3),
    ],
)
def test_only_a_head_whose_end_is_certain_is_kept(request_: bytes, body_length: int, headers: int) -> None:
    async def handler(_: object) -> Response:
        return Response()

    route = DirectRoute(method="POST", path="/echo", handler=handler)
    scope = {"method": "POST", "headers": [(b"x", b"y")] * headers}
    assert RepeatedHead.of(FIRST, 1, route, {**scope, "headers": [(b"x", b"y")] * 2}) is not None
    assert RepeatedHead.of(request_, body_length, route, scope) is None
