"""A response that is written at once is the one that uvicorn would write in two parts, byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shared.asgi.direct_protocol import DirectProtocol
from shared.asgi.whole_response import send_whole
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


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, int]]:
    with ExitStack() as stack:
        yield (
            stack.enter_context(serving(app, DirectProtocol)),
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
def test_a_whole_response_is_that_of_uvicorn(ports: tuple[int, int], name: str) -> None:
    direct, usual = (answered(port, REQUESTS[name]) for port in ports)
    assert direct == usual
    assert direct.startswith(b"HTTP/1.1 ") or name == "split"


def test_a_whole_response_needs_no_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(app, DirectProtocol) as port:
        monkeypatch.setattr(RequestResponseCycle, "send", None)
        assert answered(port, (post(b"plain"), ENDED)).count(b"HTTP/1.1 200 OK") == 2
