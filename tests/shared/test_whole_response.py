"""A response that is written at once is the one that uvicorn would write in two parts, byte for byte."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shared.asgi.direct_protocol import DirectProtocol
from shared.asgi.whole_response import offer_by_foreign_server, send_whole
from tests.shared.raw_exchanges import ENDED, answered, post, serving

HEADERS: dict[str, list[tuple[bytes, bytes]]] = {
    "plain": [(b"content-type", b"text/plain"), (b"content-length", b"4")],
    "capitals": [(b"Content-Length", b"4"), (b"X-Y", b"z")],
    "no length": [(b"content-type", b"text/plain")],
    "two lengths": [(b"content-length", b"4"), (b"content-length", b"4")],
    "too long": [(b"content-length", b"5")],
    "too short": [(b"content-length", b"3")],
    "closing": [(b"content-length", b"4"), (b"connection", b"close")],
    "chunked": [(b"transfer-encoding", b"chunked")],
    "split": [(b"content-length", b"4"), (b"x-split", b"a\r\nb: c")],
}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the headers that the body of the request names."""
    name = (await Request(scope, receive).body()).decode() or "plain"
    status = int(name) if name.isdigit() else 200
    headers = HEADERS.get(name, HEADERS["plain"])
    start: Message = {"type": "http.response.start", "status": status, "headers": list(headers)}
    await asyncio.sleep(0)
    body: Message = {"type": "http.response.body", "body": b"body", "more_body": False}
    await send_whole(scope, start, body, send)


async def offered(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer like `app`, as the guard does in a server of another program."""
    scope = {**scope}
    offer_by_foreign_server(scope, send)
    await app(scope, receive, send)


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, ...]]:
    with ExitStack() as stack:
        yield (
            stack.enter_context(serving(app, DirectProtocol)),
            stack.enter_context(serving(offered, HttpToolsProtocol)),
            stack.enter_context(serving(app, HttpToolsProtocol)),
        )


CLOSING = ("too long", "too short", "closing", "split")
"""After these, the server closes the connection by itself."""

REQUESTS: dict[str, tuple[bytes, ...]] = {
    **{name: (post(name.encode()),) for name in CLOSING},
    **{name: (post(name.encode()), ENDED) for name in (*HEADERS, "204", "404") if name not in CLOSING},
    "one after another": (post(b"plain"), post(b"plain"), ENDED),
    "a pipeline": (post(b"plain") * 5 + ENDED,),
    "HEAD": (b"HEAD /document HTTP/1.1\r\nHost: x\r\n\r\n", ENDED),
    "HTTP/1.0": (post(b"plain", version=b"1.0"),),
    "an expectation": (post(b"plain", b"Expect: 100-continue"), ENDED),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_whole_response_is_that_of_uvicorn(ports: tuple[int, ...], name: str) -> None:
    direct, foreign, usual = (answered(port, REQUESTS[name]) for port in ports)
    assert direct == foreign == usual
    assert direct.startswith(b"HTTP/1.1 ") or name == "split"


def test_a_middleware_that_replaces_send_sees_each_response() -> None:
    sent: list[str] = []

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            sent.append(message["type"])
            await send(message)

        await offered(scope, receive, noted)

    with serving(middleware, HttpToolsProtocol) as port:
        assert b"200 OK" in answered(port, (post(b"plain"), ENDED))
    assert sent[:2] == ["http.response.start", "http.response.body"]


def test_a_response_may_end_with_a_message_without_a_body() -> None:
    async def empty(scope: Scope, receive: Receive, send: Send) -> None:
        offer_by_foreign_server(scope := {**scope}, send)
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
        await send_whole(scope, start, {"type": "http.response.body"}, send)

    with serving(empty, HttpToolsProtocol) as port:
        assert b"200 OK" in answered(port, (post(b"plain"), ENDED))


@pytest.mark.parametrize("name", ["plain", "chunked"])
def test_a_request_needs_no_garbage_collector(name: str) -> None:
    kept: list[weakref.ref[object]] = []

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        kept.append(weakref.ref(getattr(send, "__self__")))  # noqa: B009 -- of a bound method
        await app(scope, receive, send)

    with serving(noting, DirectProtocol) as port:
        answered(port, (post(name.encode()), ENDED))
    assert kept
    assert [cycle() for cycle in kept] == [None] * len(kept)


def test_a_whole_response_needs_no_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(app, DirectProtocol) as port:
        monkeypatch.setattr(RequestResponseCycle, "send", None)
        assert answered(port, (post(b"plain"), ENDED)).count(b"HTTP/1.1 200 OK") == 2
