"""An application with sessions behind a worker, and what every response of the service has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from resource_service.workers.session_names import HEADER
from resource_service.workers.worker import Worker

SESSION = HEADER.decode()
CREDENTIALS = {"Authorization": "Bearer x"}


class Sessions:
    """An application whose sessions are numbers, which no other one knows."""

    def __init__(self, first: int) -> None:
        self.sessions = {str(first)}
        self.next = first
        self.disconnected = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        request = Request(scope, receive)
        session = request.headers.get(SESSION)
        body = await request.body()
        if session is None:
            response = Response("new", headers={SESSION: str(self.next)})
        elif session not in self.sessions:
            response = Response("unknown", 404)
        elif request.method == "GET":
            response = StreamingResponse(self._stream(receive))
        else:
            seen = f"{request.method} {request.url.path}?{request.url.query} {body.decode()}"
            sender = request.client.host if request.client else ""
            response = Response(seen, 202, {"X-Host": request.headers["host"], "X-Sender": sender})
        await response(scope, receive, send)

    async def _stream(self, receive: Receive) -> AsyncIterator[bytes]:
        yield b"first"
        while (await receive())["type"] != "http.disconnect":
            pass
        self.disconnected.set()


async def admits(scope: Scope) -> bool:
    """Whether the token is the valid one."""
    return (b"authorization", b"Bearer x") in scope["headers"]


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[None]:
    """Run the lifespan of a worker."""
    started, stopping = asyncio.Event(), asyncio.Event()
    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Message:
        kind = next(messages)
        if kind == "lifespan.shutdown":
            await stopping.wait()
        return {"type": kind}

    async def send(_message: Message) -> None:
        started.set()

    living = asyncio.create_task(worker({"type": "lifespan"}, receive, send))
    await started.wait()
    try:
        yield
    finally:
        stopping.set()
        await living


def assert_complete(answer: httpx2.Response) -> None:
    """Check the headers that every response of the service has."""
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
