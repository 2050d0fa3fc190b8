"""The gateway over HTTP forwards without changes; its upstream responds as configured (RS-9)."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Callable

import httpx2
import pytest

from resource_service.gateway.connections import upstream_client
from resource_service.targets import HttpTarget
from shared.http1 import Request
from tests.gateway.event_streams import EVENTS, Write
from tests.gateway.exchange import INITIALIZE, LISTEN, MESSAGE, PING, chunked, resident_bytes, results
from tests.resource_service.authorization_server import AuthorizationServer, Question, answer, answer_json
from tests.resource_service.service import Service, bearer
from tests.servers import wait_until

pytestmark = pytest.mark.requirement("RS-9")
JSON = "Content-Type: application/json"


def test_a_message_arrives_as_it_was_sent_and_its_answer_too(
    client: httpx2.Client, upstream: AuthorizationServer, token: str
) -> None:
    odd = b'{ "jsonrpc" : "2.0",\r\n "id":\t"\\u0041", "method":"x", "params": {"n": 1.10, "e": 1E2}}'
    spaced = b'{ "id":"A", "odd": 1.0e0, "result": {}, "jsonrpc":"2.0" }\n'
    upstream.replies["/mcp"] = answer(200, spaced, "Content-Type: application/json; odd=1")
    response = client.post("/mcp", headers=bearer(token) | MESSAGE | {"Traceparent": "Mine"}, content=odd)
    (question,) = upstream.questions
    written = b'{"jsonrpc":"2.0","id":"A","method":"x","params":{"n":1.1,"e":100.0}}'
    assert (question.method, question.body) == ("POST", written)
    assert question.headers["content-length"] == str(len(written))
    assert question.headers["content-type"] == "application/json"
    assert question.headers["traceparent"] == "Mine"
    assert question.headers["mcp-protocol-version"] == "2025-11-25"
    assert question.headers["host"] == f"127.0.0.1:{upstream.port}"
    assert (response.status_code, response.content) == (200, spaced)
    assert response.headers["content-type"] == "application/json; odd=1"
    assert response.headers["x-request-id"] == question.headers["x-request-id"]


@pytest.mark.parametrize("status", [400, 404, 405, 409, 422, 429, 500, 503])
def test_the_status_of_an_answer_is_the_upstream_s(
    status: int, client: httpx2.Client, upstream: AuthorizationServer, token: str
) -> None:
    upstream.replies["/mcp"] = answer(status, b"said", "Content-Type: text/plain", "Retry-After: 7")
    response = client.post("/mcp", headers=bearer(token) | MESSAGE, json=PING)
    assert (response.status_code, response.content) == (status, b"said")
    assert response.headers["retry-after"] == "7"


def test_content_stays_encoded_as_the_upstream_encoded_it(
    client: httpx2.Client, upstream: AuthorizationServer, token: str
) -> None:
    packed = gzip.compress(bytes(range(256)) * 100)
    upstream.replies["/mcp"] = answer(200, packed, "Content-Encoding: gzip", JSON)
    headers = bearer(token) | MESSAGE | {"Accept-Encoding": "gzip, zstd"}
    with client.stream("POST", "/mcp", headers=headers, json=PING) as response:
        raw = b"".join(response.iter_raw())
    assert raw == packed
    assert response.headers["content-encoding"] == "gzip"
    assert upstream.questions[0].headers["accept-encoding"] == "gzip, zstd"


def test_an_upstream_encodes_nothing_for_a_client_that_does_not_ask_for_it(
    scripted: Service, upstream: AuthorizationServer, token: str
) -> None:
    upstream.replies["/mcp"] = results()
    request = httpx2.Request("POST", scripted.resource, headers=bearer(token) | MESSAGE, json=PING)
    with httpx2.Client(trust_env=False) as client:
        client.send(request)
    assert upstream.questions[0].headers["accept-encoding"] == "identity"


def test_hop_by_hop_headers_go_no_further(
    client: httpx2.Client, upstream: AuthorizationServer, token: str
) -> None:
    hops = ("Connection: close, X-Hop", "X-Hop: 1", "Keep-Alive: timeout=9", "Proxy-Authenticate: Basic")
    upstream.replies["/mcp"] = results(*hops, "X-Stays: 1")
    sent = {"Connection": "keep-alive, X-Mine", "X-Mine": "1", "TE": "trailers", "Baggage": "1"}
    response = client.post("/mcp", headers=bearer(token) | MESSAGE | sent, json=PING)
    received = upstream.questions[0].headers
    assert {"x-mine", "te", "keep-alive"}.isdisjoint(received)
    assert received["baggage"] == response.headers["x-stays"] == "1"
    assert {"x-hop", "keep-alive", "proxy-authenticate"}.isdisjoint(response.headers)


def test_the_upstream_sets_nothing_for_our_origin(
    client: httpx2.Client, upstream: AuthorizationServer, token: str
) -> None:
    theirs = ("Set-Cookie: a=b", "Access-Control-Allow-Origin: *", "Server: Upstream/1", "Alt-Svc: h3")
    upstream.replies["/mcp"] = results(*theirs, "X-Request-Id: theirs")
    response = client.post("/mcp", headers=bearer(token) | MESSAGE, json=PING)
    assert {"set-cookie", "access-control-allow-origin", "alt-svc"}.isdisjoint(response.headers)
    assert response.headers.get_list("server") != ["Upstream/1"]
    assert response.headers.get_list("x-request-id") != ["theirs"]
    assert len(response.headers.get_list("date")) == 1


def test_each_event_arrives_when_it_is_sent(
    client: httpx2.Client, upstream: AuthorizationServer, token: str
) -> None:
    go_on = threading.Semaphore(0)

    async def events(write: Write) -> None:
        for number in range(3):
            await asyncio.to_thread(go_on.acquire)
            await write(b"id: %d\ndata: {}\n\n" % number)

    upstream.replies["/mcp"] = chunked(events, EVENTS)
    with client.stream("POST", "/mcp", headers=bearer(token) | MESSAGE, json=PING) as response:
        assert response.headers["x-accel-buffering"] == "no"
        arriving = response.iter_raw()
        for number in range(3):
            go_on.release()  # the upstream goes on only once the event before has arrived
            assert next(arriving) == b"id: %d\ndata: {}\n\n" % number
        assert list(arriving) == []


def test_a_stream_is_resumed_where_the_client_says(
    client: httpx2.Client, upstream: AuthorizationServer, token: str
) -> None:
    upstream.replies["/mcp"] = answer(200, b"id: 8\ndata: {}\n\n", EVENTS)
    response = client.get("/mcp", headers=bearer(token) | LISTEN | {"Last-Event-ID": "7"})
    assert response.content == b"id: 8\ndata: {}\n\n"
    assert (upstream.questions[0].method, upstream.questions[0].headers["last-event-id"]) == ("GET", "7")


@pytest.mark.anyio
async def test_an_answer_may_take_longer_than_to_connect(upstream: AuthorizationServer) -> None:
    async def slowly(question: Question, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2)
        await answer_json({"slow": True})(question, writer)

    upstream.replies["/mcp"] = slowly
    target = HttpTarget(f"{upstream.url}/mcp")
    body = json.dumps(PING).encode()
    async with upstream_client(target, connect_timeout_s=1, silence_s=60, max_connections=1) as client:
        response = await client.send(Request(b"POST", b"/mcp", [(b"host", b"upstream")], body))
        assert json.loads(await response.read()) == {"slow": True}
        response.close()


def test_a_slow_client_slows_the_upstream_down_and_costs_no_memory(
    client: httpx2.Client, scripted: Service, upstream: AuthorizationServer, token: str
) -> None:
    total, written = 256 * 1024 * 1024, 0
    block = bytes(1024 * 1024)

    async def much(_question: Question, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\n%b\r\nContent-Length: %d\r\n\r\n" % (EVENTS.encode(), total))
        while written < total:
            writer.write(block)
            await writer.drain()
            written += len(block)

    upstream.replies["/mcp"] = much
    before = resident_bytes(scripted)
    with client.stream("POST", "/mcp", headers=bearer(token) | MESSAGE, json=PING) as response:
        arriving = response.iter_raw(65_536)
        received = len(next(arriving))
        _until_it_stands_still(lambda: written)
        assert written < total / 4  # what fits into the buffers of three sockets
        assert resident_bytes(scripted) - before < 32 * 1024 * 1024
        received += sum(len(chunk) for chunk in arriving)
    assert received >= total  # the stream answers nothing, so an error follows


def _until_it_stands_still(progress: Callable[[], int]) -> None:
    seen = [-1] * 20

    def still() -> bool:
        seen.append(progress())
        threading.Event().wait(0.05)
        return len(set(seen[-20:])) == 1

    wait_until(still)


@pytest.mark.parametrize("query", ["", "a=1&b=%20&a=2"])
def test_the_query_passes(
    query: str, client: httpx2.Client, upstream: AuthorizationServer, token: str
) -> None:
    upstream.replies["/mcp"] = results()
    client.post(f"/mcp?{query}" if query else "/mcp", headers=bearer(token) | MESSAGE, json=PING)
    assert upstream.questions[0].target == (f"/mcp?{query}" if query else "/mcp")


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
def test_both_spellings_of_our_path_lead_to_the_one_of_the_upstream(
    path: str, client: httpx2.Client, upstream: AuthorizationServer, token: str
) -> None:
    upstream.replies["/mcp"] = results()
    assert client.post(path, headers=bearer(token) | MESSAGE, json=PING).status_code == 200


def test_a_session_is_ended_upstream(
    client: httpx2.Client, upstream: AuthorizationServer, token: str
) -> None:
    upstream.replies["/mcp"] = results("Mcp-Session-Id: to-end")
    client.post("/mcp", headers=bearer(token) | MESSAGE, json=INITIALIZE)
    upstream.replies["/mcp"] = answer(204, b"")
    headers = bearer(token) | {"Mcp-Session-Id": "to-end"}
    assert client.delete("/mcp", headers=headers).status_code == 204
    assert (upstream.questions[1].method, upstream.questions[1].headers["mcp-session-id"]) == (
        "DELETE",
        "to-end",
    )
    assert client.delete("/mcp", headers=headers).status_code == 404


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "TRACE", "LINK"])
def test_other_methods_are_answered_here(
    method: str, client: httpx2.Client, upstream: AuthorizationServer, token: str
) -> None:
    response = client.request(method, "/mcp", headers=bearer(token) | MESSAGE)
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST, DELETE")
    assert upstream.questions == []


def test_preflights_are_answered_here(client: httpx2.Client, upstream: AuthorizationServer) -> None:
    assert client.options("/mcp", headers={"Origin": "http://localhost:6274"}).status_code == 204
    assert upstream.questions == []


@pytest.mark.parametrize("body", [b"", b"{", b'{"id":1,"id":2}', "[]".encode("utf-16")])
def test_what_the_guard_cannot_read_never_reaches_the_upstream(
    body: bytes, client: httpx2.Client, upstream: AuthorizationServer, token: str
) -> None:
    response = client.post("/mcp", headers=bearer(token) | MESSAGE, content=body)
    assert response.json()["error"]["code"] == -32700
    assert upstream.questions == []


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer unknown"}, {"Authorization": "Basic eDp5"}]
)
def test_without_a_good_token_nothing_reaches_the_upstream(
    headers: dict[str, str], client: httpx2.Client, upstream: AuthorizationServer
) -> None:
    assert client.post("/mcp", headers=headers | MESSAGE, json=PING).status_code == 401
    assert client.get("/mcp", headers=headers | LISTEN).status_code == 401
    assert upstream.questions == []
