"""A replica whose network a test can break: it proves itself, and hands the rest to the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx2

from resource_service.storage.shared_store import SharedStore
from resource_service.workers import proof
from resource_service.workers.replicas import Replicas
from resource_service.workers.worker import Worker
from tests.resource_service.workers.numbered_sessions import CREDENTIALS, SESSION, Sessions, admits, running

KEY = bytes(32)
NAME = "0123456789abcdef"
CALL = CREDENTIALS | {SESSION: f"{NAME}-7"}

Handle = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
Prove = Callable[[Replicas, str], str | None]


def honestly(replicas: Replicas, nonce: str) -> str | None:
    """Prove that this is the replica."""
    return replicas.proof(nonce)


class RawReplica:
    """A replica on a port of its own.

    Attributes:
        heads: of the requests that it has received, without those for its proof.
        replicas: has announced it.
        server: its listener.
    """

    def __init__(self, handle: Handle, prove: Prove = honestly) -> None:
        self.heads: list[bytes] = []
        self.replicas: Replicas
        self.server: asyncio.Server
        self._serving: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}
        self._handle = handle
        self._prove = prove

    @asynccontextmanager
    async def announced(self, store_url: str) -> AsyncIterator[None]:
        """Listen, and announce it, until the end."""
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        self.replicas = Replicas(SharedStore(store_url), "resource", KEY, url=url)
        await self.replicas.start(NAME)
        try:
            yield
        finally:
            self.server.close()
            for writer in self._serving.values():
                writer.transport.abort()
            await asyncio.gather(*(task for task in self._serving if task))
            await self.replicas.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving[asyncio.current_task()] = writer
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(f"GET {proof.PATH}?".encode()):
                    nonce = head.split(b" ")[1].partition(b"?")[2].decode()
                    answer = self._prove(self.replicas, nonce)
                    if answer is None:
                        break
                    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n{answer}".encode())
                    continue
                self.heads.append(head)
                await self._handle(head, writer)
        writer.close()


@asynccontextmanager
async def another(store_url: str) -> AsyncIterator[tuple[Replicas, httpx2.AsyncClient]]:
    """Another replica, and a client of it."""
    replicas = Replicas(SharedStore(store_url), "resource", KEY, url="http://127.0.0.1:1")
    worker = Worker(Sessions(1), None, admits=admits, max_body_bytes=1_000, replicas=replicas)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(worker))
        transport = httpx2.ASGITransport(worker)
        http = httpx2.AsyncClient(transport=transport, base_url="http://mcp.example")
        yield replicas, await stack.enter_async_context(http)
