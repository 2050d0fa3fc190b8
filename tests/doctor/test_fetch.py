"""The fetch layer: bounded in time and size, no redirect followed, no cookie kept, nothing private asked."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from starlette.requests import Request as Asked
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from shared.cli.doctor import messages
from shared.cli.doctor.exchange import Exchange, Request, Trouble
from shared.cli.doctor.fetch import MAX_BODY_BYTES, Fetch, Fetcher, guarded
from tests.doctor.serving import serving
from tests.servers import free_port

SEEN: list[str] = []


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 65_536
        await asyncio.sleep(0)


async def dripping() -> AsyncIterator[bytes]:
    while True:
        yield b"."
        await asyncio.sleep(0.05)


async def events() -> AsyncIterator[bytes]:
    yield b'id: 1\ndata:\n\nevent: message\ndata: {"jsonrpc": "2.0", "id": 1, "result": {}}\n\n'
    await asyncio.sleep(30)


async def silence() -> AsyncIterator[bytes]:
    await asyncio.sleep(30)
    yield b""


def respond(request: Asked) -> Response:
    match request.url.path:
        case "/endless":
            return StreamingResponse(endless())
        case "/dripping":
            return StreamingResponse(dripping())
        case "/events":
            return StreamingResponse(events(), media_type="text/event-stream")
        case "/silent":
            return StreamingResponse(silence(), media_type="text/event-stream")
        case "/cookie":
            sent = request.headers.get("cookie", "none")
            return PlainTextResponse(sent, headers={"Set-Cookie": "a=b"})
        case "/packed":
            return Response(gzip.compress(b"0" * 50_000_000), headers={"Content-Encoding": "gzip"})
        case _:
            return RedirectResponse("/target")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    SEEN.append(scope["path"])
    await respond(Asked(scope))(scope, receive, send)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving(app) as port:
        yield f"http://127.0.0.1:{port}"


def ask(*requests: Request, timeout_s: float = 10.0) -> list[Exchange]:
    async def go() -> list[Exchange]:
        async with Fetcher(timeout_s=timeout_s) as fetch:
            return [await fetch(request) for request in requests]

    return asyncio.run(go())


def test_a_body_without_end_is_cut(server: str) -> None:
    (exchange,) = ask(messages.get(f"{server}/endless"))
    assert exchange.answer is not None
    assert exchange.answer.cut
    assert len(exchange.answer.body) == MAX_BODY_BYTES


def test_a_body_that_drips_is_given_up_in_time(server: str) -> None:
    (exchange,) = ask(messages.get(f"{server}/dripping"), timeout_s=0.5)
    assert exchange.answer is not None
    assert exchange.answer.cut
    assert exchange.seconds < 5


def test_reading_ends_with_the_answer_however_long_the_stream_stays_open(server: str) -> None:
    (exchange,) = ask(messages.initialize(f"{server}/events"))
    assert messages.rpc_answer(exchange) == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert exchange.seconds < 5


def test_where_only_the_header_is_wanted_a_silent_stream_is_not_waited_for(server: str) -> None:
    (exchange,) = ask(Request(method="GET", url=f"{server}/silent", enough=lambda _: True))
    assert exchange.status == 200
    assert exchange.seconds < 5


def test_a_redirect_is_recorded_and_not_followed(server: str) -> None:
    (exchange,) = ask(messages.get(f"{server}/redirect"))
    assert exchange.status == 307
    assert "/redirect" in SEEN
    assert "/target" not in SEEN


def test_no_cookie_is_kept(server: str) -> None:
    exchanges = ask(*[messages.get(f"{server}/cookie")] * 2)
    assert [exchange.answer and exchange.answer.body for exchange in exchanges] == [b"none", b"none"]


def test_what_was_packed_unasked_stays_packed(server: str) -> None:
    (exchange,) = ask(messages.get(f"{server}/packed"))
    assert exchange.answer is not None
    assert len(exchange.answer.body) < MAX_BODY_BYTES
    assert exchange.answer.header("content-encoding") == "gzip"


@pytest.mark.parametrize(
    ("url", "trouble"),
    [
        ("http://127.0.0.1:{port}/", Trouble.REFUSED),
        ("http://no-such-host.invalid/", Trouble.NAME),
    ],
)
def test_the_reason_for_a_missing_answer_is_reported(url: str, trouble: Trouble) -> None:
    (exchange,) = ask(messages.get(url.format(port=free_port())))
    assert (exchange.answer, exchange.trouble) == (None, trouble)


def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        (exchange,) = ask(messages.get(f"http://127.0.0.1:{port}/"), timeout_s=0.2)
    assert exchange.trouble is Trouble.TIMEOUT


def test_a_response_that_is_not_http_is_reported() -> None:
    def talk(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"220 mail.example ESMTP\r\n")

    with socket.create_server(("127.0.0.1", 0)) as mail:
        talking = threading.Thread(target=talk, args=(mail,))
        talking.start()
        (exchange,) = ask(messages.get(f"http://127.0.0.1:{mail.getsockname()[1]}/"))
        talking.join()
    assert exchange.trouble is Trouble.PROTOCOL


@pytest.mark.parametrize(
    ("home", "url", "trouble"),
    [
        ("https://tools.example/mcp", "https://127.0.0.1/x", Trouble.OUT_OF_REACH),
        ("https://tools.example/mcp", "https://localhost/x", Trouble.OUT_OF_REACH),
        ("https://tools.example/mcp", "https://10.0.0.1/x", Trouble.OUT_OF_REACH),
        ("https://tools.example/mcp", "https://[::ffff:10.0.0.1]/x", Trouble.OUT_OF_REACH),
        ("https://tools.example/mcp", "https://169.254.169.254/latest", Trouble.OUT_OF_REACH),
        ("https://tools.example/mcp", "https://redis:6379/", Trouble.OUT_OF_REACH),
        ("https://10.0.0.1/mcp", "http://localhost:8080/", Trouble.OUT_OF_REACH),
        ("https://tools.example/mcp", "http://auth.example/x", Trouble.INSECURE),
        ("https://tools.example/mcp", "file:///etc/passwd", Trouble.NOT_A_URL),
        ("https://tools.example/mcp", "https://user@auth.example/", Trouble.NOT_A_URL),
        ("https://tools.example/mcp", "//auth.example/", Trouble.NOT_A_URL),
        ("https://tools.example/mcp", "https://auth.example/a b", Trouble.NOT_A_URL),
        ("https://tools.example/mcp", "https://auth.example/x", None),
        ("https://10.0.0.1/mcp", "https://10.0.0.2/x", None),
        ("http://localhost:9001/mcp", "http://localhost:9000/x", None),
    ],
)
def test_a_url_that_a_server_names_is_asked_only_where_it_leads_to_nothing_more_private(
    home: str, url: str, trouble: Trouble | None
) -> None:
    urls: list[str] = []

    async def fetch(request: Request) -> Exchange:
        urls.append(request.url)
        return Exchange(request=request, answer=None)

    exchange = asyncio.run(_exchange(guarded(fetch, home), url))
    assert exchange.trouble is trouble
    assert urls == ([] if trouble else [url])


async def _exchange(fetch: Fetch, url: str) -> Exchange:
    return await fetch(messages.get(url))
