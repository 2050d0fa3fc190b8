"""An upstream that is down, slow, confused or hostile: told to the client as what it is, and never as 401."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.gateway.event_streams import EVENTS, Write
from tests.gateway.exchange import LISTEN, MESSAGE, PING, chunked, error_code
from tests.gateway.upstreams import Upstream, gateway, python_upstream
from tests.resource_service.authorization_server import (
    AuthorizationServer,
    Question,
    answer,
    break_off,
    hang,
    speak_nonsense,
)
from tests.resource_service.service import Service, bearer, token_for
from tests.servers import free_port, wait_until

pytestmark = pytest.mark.requirement("RS-9", "RS-11")


def check_explained(response: httpx2.Response, service: Service, code: str, excerpt: str = "") -> None:
    """The answer carries a request id, under which the log has one line with `code` and what it is about."""
    error = response.json()
    where = error["error"]["data"] if "jsonrpc" in error else error
    assert where["request_id"] == response.headers["x-request-id"]
    lines = [line for line in service.log(response.headers["x-request-id"]) if line["event"] == "refused"]
    assert len(lines) == 1
    assert lines[0]["reason_code"] == code
    assert excerpt in lines[0]["reason"]
    assert "www-authenticate" not in response.headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
def test_a_redirect_is_neither_followed_nor_passed_on(
    status: int, client: httpx2.Client, scripted: Service, upstream: AuthorizationServer, token: str
) -> None:
    elsewhere = f"{upstream.url}/elsewhere"
    upstream.replies["/mcp"] = answer(status, b"", f"Location: {elsewhere}")
    response = client.post("/mcp", headers=bearer(token) | MESSAGE, json=PING)
    assert response.status_code == 502
    assert "location" not in response.headers
    assert upstream.requests_to("/elsewhere") == []
    check_explained(
        response, scripted, "upstream_redirects", elsewhere
    )  # the operator can see what to configure instead


@pytest.mark.parametrize("status", [401, 407])
def test_an_upstream_that_wants_credentials_of_its_own_does_not_cost_the_client_its_token(
    status: int, client: httpx2.Client, scripted: Service, upstream: AuthorizationServer, token: str
) -> None:
    upstream.replies["/mcp"] = answer(status, b"", 'WWW-Authenticate: Bearer realm="upstream"')
    response = client.post("/mcp", headers=bearer(token) | MESSAGE, json=PING)
    assert response.status_code == 502
    check_explained(response, scripted, "upstream_credentials_refused")


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (break_off, "upstream_broke_off"),
        (speak_nonsense, "upstream_broke_off"),
        (answer(700, b""), "upstream_status_invalid"),
    ],
)
def test_no_usable_answer_is_502(
    reply: object,
    code: str,
    client: httpx2.Client,
    scripted: Service,
    upstream: AuthorizationServer,
    token: str,
) -> None:
    upstream.replies["/mcp"] = reply  # type: ignore[assignment]
    response = client.post("/mcp", headers=bearer(token) | MESSAGE, json=PING)
    assert (response.status_code, error_code(response)) == (502, "upstream_failed")
    check_explained(response, scripted, code, upstream.url)


def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(
    client: httpx2.Client, upstream: AuthorizationServer, token: str
) -> None:
    async def half(_question: Question, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"
        )
        writer.write(b'9\r\n{"a": "b"\r\n')
        await writer.drain()
        writer.close()

    upstream.replies["/mcp"] = half  # only responses to calls are buffered
    with pytest.raises(httpx2.RemoteProtocolError):
        client.get("/mcp", headers=bearer(token) | LISTEN)


def test_an_event_stream_that_breaks_off_ends_so_that_the_client_can_resume_it(
    client: httpx2.Client, upstream: AuthorizationServer, token: str
) -> None:
    async def half(_question: Question, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{EVENTS}\r\n\r\n".encode())
        writer.write(b"10\r\nid: 1\ndata: {}\n\n\r\n")
        await writer.drain()
        writer.close()

    upstream.replies["/mcp"] = half
    response = client.post("/mcp", headers=bearer(token) | MESSAGE, json=PING)
    assert response.content == b"id: 1\ndata: {}\n\n"


def test_a_client_that_hangs_up_ends_the_exchange_with_the_upstream(
    client: httpx2.Client, upstream: AuthorizationServer, token: str
) -> None:
    ended = threading.Event()

    async def for_ever(write: Write) -> None:
        try:
            while True:
                await write(b": still there\n\n")
                await asyncio.sleep(0.01)
        finally:
            ended.set()

    upstream.replies["/mcp"] = chunked(for_ever, EVENTS)
    with client.stream("GET", "/mcp", headers=bearer(token) | LISTEN) as response:
        next(response.iter_raw())
    assert ended.wait(10)


@pytest.fixture
def impatient(
    issuer: AuthorizationServer, upstream: AuthorizationServer, tmp_path: Path
) -> Iterator[Service]:
    """A gateway that waits for nothing, with room for two exchanges."""
    settings = {
        "upstream_silence_s": "0.5",
        "upstream_connect_timeout_s": "0.5",
        "upstream_connections": "2",
    }
    with gateway(issuer, tmp_path, f"{upstream.url}/mcp", **settings) as service:
        yield service


@pytest.mark.requirement("RS-15")
def test_silence_is_504_before_an_answer_and_the_end_of_a_stream_after(
    impatient: Service, issuer: AuthorizationServer, upstream: AuthorizationServer
) -> None:
    headers = bearer(token_for(impatient, issuer)) | MESSAGE
    upstream.replies["/mcp"] = hang
    with httpx2.Client(timeout=30, trust_env=False) as client:
        response = client.post(impatient.resource, headers=headers, json=PING)
        assert (response.status_code, error_code(response)) == (504, "upstream_silent")
        check_explained(response, impatient, "upstream_timeout")

        async def once(write: Write) -> None:
            await write(b"data: {}\n\n")
            await asyncio.Event().wait()

        upstream.replies["/mcp"] = chunked(once, EVENTS)
        body = client.post(impatient.resource, headers=headers, json=PING).text
        event, error = body.removesuffix("\n\n").split("\n\n")
        assert event == "data: {}"
        assert '"id":1,"error":{"code":-32603' in error  # over stdio, it would be told the same


def test_more_exchanges_than_there_is_room_for_are_told_to_try_again(
    impatient: Service, issuer: AuthorizationServer, upstream: AuthorizationServer
) -> None:
    async def busy(write: Write) -> None:
        while True:
            await write(b": busy\n\n")
            await asyncio.sleep(0.05)

    upstream.replies["/mcp"] = chunked(busy, EVENTS)
    headers = bearer(token_for(impatient, issuer))
    with httpx2.Client(base_url=impatient.origin, timeout=30, trust_env=False) as client:
        with (
            client.stream("GET", "/mcp", headers=headers | LISTEN),
            client.stream("GET", "/mcp", headers=headers | LISTEN),
        ):
            response = client.post("/mcp", headers=headers | MESSAGE, json=PING)
            assert (response.status_code, error_code(response)) == (503, "upstream_busy")
            assert response.headers["retry-after"] == "1"
            check_explained(response, impatient, "upstream_busy", "DOORWARD_UPSTREAM_CONNECTIONS is reached")

        def has_room() -> bool:
            return client.get("/mcp", headers=headers | LISTEN).status_code == 200

        upstream.replies["/mcp"] = answer(200, b"", EVENTS)
        wait_until(has_room)


@pytest.mark.requirement("RS-16")
def test_one_person_cannot_take_all_the_room(
    issuer: AuthorizationServer, upstream: AuthorizationServer, tmp_path: Path
) -> None:
    async def busy(write: Write) -> None:
        while True:
            await write(b": busy\n\n")
            await asyncio.sleep(0.05)

    upstream.replies["/mcp"] = chunked(busy, EVENTS)
    with (
        gateway(issuer, tmp_path, f"{upstream.url}/mcp", upstream_connections_per_principal="1") as service,
        httpx2.Client(base_url=service.origin, timeout=30, trust_env=False) as client,
    ):
        mine, yours = (bearer(token_for(service, issuer, sub=name)) for name in ("me", "you"))
        also_mine = bearer(token_for(service, issuer, sub="me", client_id="client-2"))
        with client.stream("GET", "/mcp", headers=mine | LISTEN):
            assert client.get("/mcp", headers=also_mine | LISTEN).status_code == 503
            response = client.get("/mcp", headers=mine | LISTEN)
            assert (response.status_code, error_code(response)) == (503, "upstream_busy")
            reason = "subject:me has reached DOORWARD_UPSTREAM_CONNECTIONS_PER_PRINCIPAL: 1"
            check_explained(response, service, "upstream_busy", reason)
            with client.stream("GET", "/mcp", headers=yours | LISTEN) as streaming:
                assert streaming.status_code == 200


def test_an_upstream_may_be_restarted(
    issuer: AuthorizationServer, tmp_path: Path, plain_upstream: Upstream
) -> None:
    del plain_upstream  # has imported all there is to import by now
    with (
        python_upstream("tests.gateway.servers.plain", tmp_path) as upstream,
        gateway(issuer, tmp_path, upstream.url) as service,
        httpx2.Client(timeout=30, trust_env=False) as client,
    ):
        headers = bearer(token_for(service, issuer)) | MESSAGE

        def listed() -> httpx2.Response:
            message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
            return client.post(service.resource, headers=headers, json=message)

        assert listed().status_code == 400  # the upstream's own response, without a session
        upstream.kill()
        down = listed()
        assert (down.status_code, down.headers["retry-after"]) == (503, "1")
        assert error_code(down) == "upstream_unavailable"
        check_explained(down, service, "upstream_unreachable")
        upstream.start()
        assert listed().status_code == 400


def test_the_gateway_starts_and_is_healthy_without_its_upstream(
    issuer: AuthorizationServer, tmp_path: Path
) -> None:
    with gateway(issuer, tmp_path, f"http://127.0.0.1:{free_port()}/mcp") as service:
        assert httpx2.get(f"{service.origin}/health", trust_env=False).status_code == 200
