"""The measured MCP server: one tool, served by the MCP SDK, with and without the guard in its process."""

from __future__ import annotations

import gc

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp

from resource_service.verifiers.mcp_sdk import DoorwardTokenVerifier

_ANY_HOST = TransportSecuritySettings(enable_dns_rebinding_protection=False)


async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def app() -> ASGIApp:
    """Return the server as an ASGI application, without authorization."""
    server: MCPServer[None] = MCPServer("bench")
    server.tool()(add)
    app = server.streamable_http_app(stateless_http=True, json_response=True, transport_security=_ANY_HOST)
    _spare_the_collector()
    return app


def guarded_app() -> ASGIApp:
    """Return the same server behind the guard, with settings from the environment."""
    doorward = DoorwardTokenVerifier()
    server: MCPServer[None] = MCPServer("bench", token_verifier=doorward, auth=doorward.auth)
    server.tool()(add)
    app = doorward.app(server, stateless_http=True, json_response=True)
    _spare_the_collector()
    return app


def _spare_the_collector() -> None:
    """Do as docs/how-to/verifiers.md advises; otherwise the collector determines the 99th percentile."""
    gc.collect()
    gc.freeze()
