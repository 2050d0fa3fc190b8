"""Requests to an app in this process, and what the authorization server knows about them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from starlette.types import ASGIApp, Message

RESOURCE = "https://mcp.example/tools/mcp"
SECRET = "the-secret-of-the-resource-server-0123456789"
TOKEN = "dw_at_a-token-of-somebody"


@asynccontextmanager
async def alive(app: ASGIApp) -> AsyncIterator[None]:
    """The life of a server, as servers tell apps of it."""
    began, ends = asyncio.Event(), asyncio.Event()
    starting = ["lifespan.startup"]

    async def receive() -> Message:
        if starting:
            return {"type": starting.pop()}
        await ends.wait()
        return {"type": "lifespan.shutdown"}

    async def send(_message: Message) -> None:
        began.set()

    life = asyncio.ensure_future(app({"type": "lifespan"}, receive, send))
    await began.wait()
    yield
    ends.set()
    await life


@asynccontextmanager
async def browsing(app: ASGIApp, root_path: str = "") -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=app, root_path=root_path)
    async with alive(app), httpx2.AsyncClient(transport=transport, base_url="https://inside") as client:
        yield client
