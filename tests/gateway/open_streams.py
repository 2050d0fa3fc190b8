"""Streams that are open at the gateway while their grants end."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2

from tests.gateway.exchange import INITIALIZE, LISTEN, MESSAGE
from tests.resource_service.feed import Feed
from tests.resource_service.service import Service, bearer
from tests.servers import wait_until

WITHIN_S = 1.0


MODERN = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "Mcp-Protocol-Version": "2026-07-28",
}


META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def call(name: str) -> dict[str, Any]:
    params = {"name": name, "arguments": {}}
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}


LISTENING = {
    "jsonrpc": "2.0",
    "id": 7,
    "method": "subscriptions/listen",
    "params": {"notifications": {}, "_meta": META},
}


@dataclass
class Stream:
    """An open answer, read to its end by a task of its own.

    Attributes:
        opened: its head has come.
        ended_at: when it ended, on the clock of `time.monotonic`.
    """

    token: str
    opened: anyio.Event = field(default_factory=anyio.Event)
    ended: anyio.Event = field(default_factory=anyio.Event)
    ended_at: float = 0.0
    lines: list[str] = field(default_factory=list)

    @property
    def messages(self) -> list[dict[str, Any]]:
        data = (line.removeprefix("data: ") for line in self.lines if line.startswith("data: {"))
        return [json.loads(each) for each in data]


Open = Callable[[httpx2.AsyncClient, str], Awaitable[dict[str, Any]]]
"""Whatever must come before the stream; the arguments of the request that opens it."""


async def session(client: httpx2.AsyncClient, token: str) -> dict[str, str]:
    hello = await client.post("/mcp", headers=bearer(token) | MESSAGE, json=INITIALIZE)
    assert hello.status_code == 200, hello.text
    named = hello.headers.get("mcp-session-id")
    return bearer(token) | ({"Mcp-Session-Id": named} if named else {})


async def get(client: httpx2.AsyncClient, token: str) -> dict[str, Any]:
    return {"method": "GET", "url": "/mcp", "headers": await session(client, token) | LISTEN}


async def called(client: httpx2.AsyncClient, token: str) -> dict[str, Any]:
    headers = await session(client, token) | MESSAGE
    return {"method": "POST", "url": "/mcp", "headers": headers, "json": call("hang")}


async def listen(_client: httpx2.AsyncClient, token: str) -> dict[str, Any]:
    headers = bearer(token) | MODERN | {"Mcp-Method": "subscriptions/listen"}
    return {"method": "POST", "url": "/mcp", "headers": headers, "json": LISTENING}


KINDS: dict[str, Open] = {"get": get, "call": called, "listen": listen}


@asynccontextmanager
async def streaming(service: Service, open_: Open, tokens: list[str]) -> AsyncIterator[list[Stream]]:
    """A stream for each token, all of them open; leaving the context waits for their end."""
    streams = [Stream(token) for token in tokens]
    limits = httpx2.Limits(max_connections=None)

    async def read(client: httpx2.AsyncClient, stream: Stream, request: dict[str, Any]) -> None:
        async with client.stream(**request) as response:
            assert response.status_code == 200
            stream.opened.set()
            async for line in response.aiter_lines():  # a broken one would raise
                stream.lines.append(line)
        stream.ended_at = time.monotonic()
        stream.ended.set()

    async with (
        httpx2.AsyncClient(base_url=service.origin, timeout=60, limits=limits, trust_env=False) as client,
        anyio.create_task_group() as tasks,
    ):
        for stream in streams:
            tasks.start_soon(read, client, stream, await open_(client, stream.token))
        for stream in streams:
            await stream.opened.wait()
        yield streams


async def followed(feed: Feed) -> None:
    """Until the service listens to the feed."""
    await anyio.to_thread.run_sync(lambda: wait_until(lambda: any("ack" in poll for poll in feed.polls)))


def check_told(streams: list[Stream], kind: str, reason: str) -> None:
    """A call that was cut off has an error of its own id; what only listens just ends."""
    for stream in streams:
        errors = [message for message in stream.messages if "error" in message]
        # What only expired and can be resumed is not over: a client goes on with a fresh token.
        resumed = reason == "expired" and any(line.startswith("id:") for line in stream.lines)
        assert [error["id"] for error in errors] == ([] if kind == "get" or resumed else [7])
        assert all(reason in error["error"]["message"] for error in errors)


async def revoked(feed: Feed, streams: list[Stream]) -> list[float]:
    """Revoke the grant of each; how many seconds it took each to end."""
    at = {}
    for stream in streams:
        at[stream.token] = time.monotonic()
        feed.revoke(stream.token)
        await anyio.sleep(0.01)
    for stream in streams:
        await stream.ended.wait()
    return [stream.ended_at - at[stream.token] for stream in streams]


@asynccontextmanager
async def of_every_kind(
    service: Service, kinds: dict[str, Open], token: str
) -> AsyncIterator[dict[str, Stream]]:
    async with AsyncExitStack() as stack:
        yield {
            kind: (await stack.enter_async_context(streaming(service, open_, [token])))[0]
            for kind, open_ in kinds.items()
        }
