"""The middleware, around a small app on a real server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import anyio
import httpx2
import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.asgi import (
    BodyLimit,
    BrowserPages,
    Cors,
    CorsPolicy,
    Refused,
    RequestId,
    SecurityHeaders,
    UnhandledErrors,
    error_response,
)
from shared.logs import current_request_id
from tests.servers import wait_until

POLICIES = {
    "/open": CorsPolicy(("GET", "POST")),
    "/mine": CorsPolicy(("GET",), allows=lambda origin: origin == "https://app.example"),
}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Does what the path says."""
    if scope["type"] != "http":
        return
    request = Request(scope, receive)
    match scope["path"]:
        case "/fail":
            raise RuntimeError("a secret in the message")
        case "/fail-late":
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]}
            )
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            raise RuntimeError("too late")
        case "/body":
            response: Response = PlainTextResponse(f"{len(await request.body())}")
        case "/own-headers":
            response = PlainTextResponse(
                "", headers={"Cache-Control": "public", "Content-Security-Policy": "x"}
            )
        case _:
            response = PlainTextResponse(current_request_id.get())
    await response(scope, receive, send)


def surrounded() -> ASGIApp:
    inner = Cors(BodyLimit(app, max_body_bytes=100), policy_of=POLICIES.get)
    return RequestId(UnhandledErrors(SecurityHeaders(inner, secure=True)))


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(surrounded(), log_config=None, lifespan="off"))
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        wait_until(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def client(origin: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=origin) as client:
        yield client


def test_the_request_id_is_the_same_inside_and_outside_and_never_the_client_s(client: httpx2.Client) -> None:
    response = client.get("/id", headers={"X-Request-Id": "mine"})
    assert response.text == response.headers["x-request-id"]
    assert len(response.text) == 16
    assert client.get("/id").text != response.text
    assert current_request_id.get() == ""


def test_an_unexpected_error_is_a_500_without_a_word_of_it(client: httpx2.Client) -> None:
    response = client.get("/fail")
    assert response.status_code == 500
    assert response.json() == {
        "error": "server_error",
        "error_description": "Something went wrong here; the log has the details.",
        "reason_code": "unexpected_error",
        "request_id": response.headers["x-request-id"],
    }


def test_an_error_in_the_middle_of_an_answer_breaks_it_off(client: httpx2.Client) -> None:
    with pytest.raises(httpx2.RemoteProtocolError):
        client.get("/fail-late")


def test_default_headers_are_added_where_the_answer_does_not_state_them(client: httpx2.Client) -> None:
    plain, own = client.get("/id").headers, client.get("/own-headers").headers
    assert plain["cache-control"] == "no-store"
    assert plain["strict-transport-security"].startswith("max-age=")
    assert own.get_list("cache-control") == ["public"]
    assert own.get_list("content-security-policy") == ["x"]
    assert own["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("length", [0, 1, 100])
def test_a_body_within_the_bound_arrives_whole(length: int, client: httpx2.Client) -> None:
    assert client.post("/body", content=b"x" * length).text == str(length)
    assert client.post("/body", content=(b"x" for _ in range(length))).text == str(length)
    assert client.get("/body").text == "0"


@pytest.mark.parametrize("length", [101, 1_000_000])
def test_a_body_beyond_the_bound_is_413_announced_or_not(length: int, client: httpx2.Client) -> None:
    announced = client.post("/body", content=b"x" * length)
    chunked = client.post("/body", content=iter([b"x" * 50, b"x" * (length - 50)]))
    assert (announced.status_code, chunked.status_code) == (413, 413)
    assert announced.json()["error"] == "invalid_request"


def test_a_client_that_leaves_in_the_middle_of_its_body_disturbs_nobody(
    origin: str, client: httpx2.Client
) -> None:
    host, port = origin.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as half:
        half.sendall(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nxxx")
    assert client.get("/id").status_code == 200


@pytest.mark.parametrize("origin_header", ["https://app.example", "https://evil.example", None])
def test_an_open_path_may_be_read_by_every_page_without_credentials(
    origin_header: str | None, client: httpx2.Client
) -> None:
    headers = {"Origin": origin_header} if origin_header else {}
    for response in (client.get("/open", headers=headers), client.options("/open", headers=headers)):
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers


def test_a_path_of_some_origins_names_the_one_that_asks_and_tells_caches(client: httpx2.Client) -> None:
    headers = {"Origin": "https://app.example", "Access-Control-Request-Headers": "a, b"}
    answer, preflight = client.get("/mine", headers=headers), client.options("/mine", headers=headers)
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "WWW-Authenticate" in answer.headers["access-control-expose-headers"]
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-headers"] == "a, b"
    assert preflight.headers["access-control-allow-methods"] == "GET"
    assert preflight.headers["allow"] == "GET, OPTIONS"
    for response in (answer, preflight, client.get("/mine")):
        assert "Origin" in response.headers["vary"]


@pytest.mark.parametrize("path", ["/mine", "/elsewhere"])
def test_other_pages_are_granted_nothing(path: str, client: httpx2.Client) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Headers": "a"}
    for response in (client.get(path, headers=headers), client.options(path, headers=headers)):
        assert not [name for name in response.headers if name.startswith("access-control-")]


def test_an_error_whose_page_cannot_be_made_is_still_told() -> None:
    def broken(_: Refused) -> Response:
        raise RuntimeError("no such template")

    async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
        await error_response(404, "not_found", "Not Found", reason=None)(scope, receive, send)

    transport = httpx2.ASGITransport(BrowserPages(refusing, page_of=broken))

    async def ask() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get("/", headers={"Accept": "text/html"})

    answer = anyio.run(ask)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
