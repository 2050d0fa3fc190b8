"""MCP servers of every kind that a verifier protects, each with a tool that never answers.

python tests/verifiers/streaming.py KIND
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvicorn
from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from resource_service.verifiers.mcp_sdk import DoorwardTokenVerifier
from resource_service.verifiers.protection import Protection

PORT = int(os.environ.get("PORT", "0"))


async def hang() -> str:
    """Never answer."""
    await asyncio.Event().wait()
    return ""


def _sdk() -> tuple[MCPServer[None], ASGIApp]:
    doorward = DoorwardTokenVerifier()
    server: MCPServer[None] = MCPServer("streaming", token_verifier=doorward, auth=doorward.auth)
    server.tool()(hang)
    return server, doorward.app(server)


def sdk() -> None:
    """The official SDK, as the example of the documentation serves it."""
    uvicorn.run(_sdk()[1], port=PORT)


def mounted() -> None:
    """The same in another app, which passes no lifespan on, as Starlette does not."""
    server, app = _sdk()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with server.session_manager.run():
            yield

    uvicorn.run(Starlette(routes=[Mount("/", app)], lifespan=lifespan), port=PORT)


def asgi() -> None:
    """A third-party app: it has no lifespan, streams without an end, and never checks for disconnects."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while True:
            await send({"type": "http.response.body", "body": b": here\n\n", "more_body": True})
            await asyncio.sleep(0.1)

    uvicorn.run(Protection().in_front_of(app, path="/mcp"), port=PORT)


def fastmcp() -> None:
    """FastMCP, as the example of the documentation serves it."""
    _fastmcp("http")


def fastmcp_sse() -> None:
    """FastMCP by its older transport, whose messages come at a path of their own."""
    _fastmcp("sse", tool_scopes={"hang": ["notes:delete"]})


def _fastmcp(transport: str, **arguments: object) -> None:
    from fastmcp import FastMCP  # type: ignore[import-not-found]

    from resource_service.verifiers.fastmcp import DoorwardTokenVerifier as Verifier

    server = FastMCP("streaming", auth=Verifier(**arguments))  # type: ignore[arg-type]
    server.tool(hang)
    server.run(transport=transport, port=PORT, path="/mcp")


KINDS: dict[str, Callable[[], None]] = {
    each.__name__: each for each in (sdk, mounted, asgi, fastmcp, fastmcp_sse)
}

if __name__ == "__main__":
    KINDS[sys.argv[1]]()
