"""The MCP server behind the measured gateway: one tool, served by the MCP SDK."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp

_ANY_HOST = TransportSecuritySettings(enable_dns_rebinding_protection=False)
_server: MCPServer[None] = MCPServer("bench")


@_server.tool()
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def app() -> ASGIApp:
    """Return the server as an ASGI application, without authorization."""
    return _server.streamable_http_app(stateless_http=True, json_response=True, transport_security=_ANY_HOST)
