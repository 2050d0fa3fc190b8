"""Requests reach the worker that has their session."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from resource_service.workers import siblings
from resource_service.workers.session_names import HEADER
from resource_service.workers.worker import Worker
from tests.resource_service.workers.numbered_sessions import (
    CREDENTIALS,
    SESSION,
    Sessions,
    admits,
    assert_complete,
    running,
)

pytestmark = pytest.mark.anyio

LIMIT = 1_000


def client_of(worker: Worker) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(worker), base_url="http://mcp.example")


@asynccontextmanager
async def two(folder: Path) -> AsyncIterator[tuple[Worker, Worker, Sessions]]:
    """Two workers, and the application of the second."""
    app = Sessions(2)
    first = Worker(Sessions(1), folder, admits=admits, max_body_bytes=LIMIT)
    second = Worker(app, folder, admits=admits, max_body_bytes=LIMIT)
    async with AsyncExitStack() as stack:
        for worker in (first, second):
            await stack.enter_async_context(running(worker))
        yield first, second, app


async def test_a_request_reaches_the_worker_of_its_session(tmp_path: Path) -> None:
    async with two(tmp_path) as (first, second, _), client_of(first) as client:
        async with client_of(second) as other:
            session = (await other.post("/mcp")).headers[SESSION]
        for body in ("a", "b"):
            answer = await client.post("/mcp?x=y", headers={**CREDENTIALS, SESSION: session}, content=body)
            assert (answer.status_code, answer.text) == (202, f"POST /mcp?x=y {body}")
            assert answer.headers["x-host"] == "mcp.example"
        assert (
            await client.delete("/mcp", headers={**CREDENTIALS, SESSION: session})
        ).text == "DELETE /mcp? "


async def test_a_request_that_is_passed_on_keeps_the_address_of_its_client(tmp_path: Path) -> None:
    async with two(tmp_path) as (first, second, _):
        transport = httpx2.ASGITransport(first, client=("203.0.113.9", 4711))
        async with httpx2.AsyncClient(transport=transport, base_url="http://mcp.example") as client:
            # The authorization server counts attempts by this address.
            headers = {**CREDENTIALS, SESSION: f"{second.name}-2", "Doorward-Sender": "192.0.2.1 1"}
            assert (await client.post("/mcp", headers=headers)).headers["x-sender"] == "203.0.113.9"


async def test_a_session_of_another_worker_is_unknown_without_it(tmp_path: Path) -> None:
    async with two(tmp_path) as (first, second, _), client_of(first) as client:
        for unknown in (f"{second.name}-1", f"{first.name}-2", "0123456789abcdef-2", "2"):
            assert (await client.post("/mcp", headers={**CREDENTIALS, SESSION: unknown})).status_code == 404


async def test_a_session_ends_with_its_worker(tmp_path: Path) -> None:
    first = Worker(Sessions(1), tmp_path, admits=admits, max_body_bytes=LIMIT)
    second = Worker(Sessions(2), tmp_path, admits=admits, max_body_bytes=LIMIT)
    async with running(first), client_of(first) as client:
        async with running(second):
            answer = await client.post("/mcp", headers={**CREDENTIALS, SESSION: f"{second.name}-2"})
            assert answer.status_code == 202
        answer = await client.post("/mcp", headers={**CREDENTIALS, SESSION: f"{second.name}-2"}, content="x")
        assert answer.status_code == 404
        assert os.listdir(tmp_path) == [first.name]


async def test_a_socket_that_nobody_serves_is_removed(tmp_path: Path) -> None:
    async with two(tmp_path) as (first, _, _), client_of(first) as client:
        dead = tmp_path / "0123456789abcdef"
        async with asyncio.timeout(5):
            server = await asyncio.start_unix_server(lambda *_: None, dead)
            server.close()
            await server.wait_closed()
        answer = await client.post("/mcp", headers={**CREDENTIALS, SESSION: f"{dead.name}-2"})
        assert answer.status_code == 404
        assert not dead.exists()


async def test_only_a_worker_gets_requests_of_other_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two(tmp_path) as (first, second, _), client_of(first) as client:
        monkeypatch.setattr(os, "getppid", lambda: 1)
        answer = await client.post("/mcp", headers={**CREDENTIALS, SESSION: f"{second.name}-2"})
        assert answer.status_code == 404


async def test_a_body_that_is_too_large_is_not_passed_on(tmp_path: Path) -> None:
    async with two(tmp_path) as (first, second, _), client_of(first) as client:
        headers = {**CREDENTIALS, SESSION: f"{second.name}-2"}
        answer = await client.post("/mcp", headers=headers, content="x" * (LIMIT + 1))
        assert answer.status_code == 413
        assert_complete(answer)


async def test_only_requests_of_a_session_with_credentials_are_passed_on(tmp_path: Path) -> None:
    async with two(tmp_path) as (first, second, _), client_of(first) as client, asyncio.timeout(10):
        session = {SESSION: f"{second.name}-2"}
        assert (await client.post("/mcp", headers=session)).status_code == 404
        for method in ("HEAD", "OPTIONS", "PUT"):
            answer = await client.request(method, "/mcp", headers=session | CREDENTIALS)
            assert answer.status_code == 404


async def test_the_body_of_a_request_without_a_valid_token_is_left_to_the_application(tmp_path: Path) -> None:
    async with two(tmp_path) as (_, second, _):
        read: list[int] = []

        async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
            assert not read
            await Response("refused", 401)(scope, receive, send)

        async def receive() -> Message:
            read.append(1)
            return {"type": "http.request", "body": b"x", "more_body": True}

        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        third = Worker(refuse, tmp_path, admits=admits, max_body_bytes=LIMIT)
        for token, status in ((b"Bearer other", 401), (b"Bearer x", 413)):
            headers = [(HEADER, f"{second.name}-2".encode()), (b"authorization", token)]
            scope = {
                "type": "http",
                "method": "POST",
                "path": "/mcp",
                "raw_path": b"/mcp",
                "headers": headers,
            }
            sent.clear()
            await third(scope, receive, send)
            assert sent[0]["status"] == status
        assert len(read) == LIMIT + 1


async def test_a_session_is_busy_not_unknown_while_too_many_of_its_requests_are_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siblings, "MAX_CONNECTIONS", 1)
    monkeypatch.setattr(siblings, "CONNECT_S", 0.2)
    async with two(tmp_path) as (first, second, app), client_of(first) as client:
        session = {SESSION: f"{second.name}-2", **CREDENTIALS}
        messages: asyncio.Queue[Message] = asyncio.Queue()
        fields = [(name.lower().encode(), value.encode()) for name, value in session.items()]
        scope = {"type": "http", "method": "GET", "path": "/mcp", "raw_path": b"/mcp", "headers": fields}
        leaving = asyncio.Event()
        streaming = asyncio.create_task(first(scope, one_request(leaving), messages.put))
        assert (await messages.get())["status"] == 200
        answer = await client.post("/mcp", headers=session)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        leaving.set()
        await streaming
        async with asyncio.timeout(5):
            await app.disconnected.wait()
        assert (await client.post("/mcp", headers=session)).status_code == 202


async def test_a_worker_that_cannot_be_examined_keeps_its_socket_and_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_file_left(_path: Path) -> str:
        raise OSError(errno.EMFILE, "Too many open files")

    async with two(tmp_path) as (first, second, _), client_of(first) as client:
        session = {SESSION: f"{second.name}-2", **CREDENTIALS}
        with monkeypatch.context() as full:
            full.setattr(Path, "read_text", no_file_left)
            answer = await client.post("/mcp", headers=session)
            assert answer.status_code == 503
            assert_complete(answer)
        assert (await client.post("/mcp", headers=session)).status_code == 202


def one_request(leaving: asyncio.Event) -> Receive:
    """Return the `receive` of a client that sends no body, and disconnects on `leaving`."""
    body_read = False

    async def receive() -> Message:
        nonlocal body_read
        if body_read:
            await leaving.wait()
            return {"type": "http.disconnect"}
        body_read = True
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive


async def test_a_stream_arrives_as_it_is_sent_and_ends_with_its_client(tmp_path: Path) -> None:
    async with two(tmp_path) as (first, second, app):
        messages: asyncio.Queue[Message] = asyncio.Queue()
        leaving = asyncio.Event()
        headers = [(HEADER, f"{second.name}-2".encode()), (b"authorization", b"Bearer x")]
        scope = {"type": "http", "method": "GET", "path": "/mcp", "raw_path": b"/mcp", "headers": headers}
        serving = asyncio.create_task(
            first({**scope, "query_string": b""}, one_request(leaving), messages.put)
        )
        assert (await messages.get())["status"] == 200
        assert (await messages.get())["body"] == b"first"
        leaving.set()
        await serving
        async with asyncio.timeout(5):
            await app.disconnected.wait()
