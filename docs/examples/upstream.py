"""An MCP server without any authorization, to put behind Doorward.

    python docs/examples/upstream.py

serves http://127.0.0.1:3000/mcp, only for this machine: anyone who could reach it directly could
impersonate any user.
"""

import sys
from urllib.parse import unquote

from mcp.server.mcpserver import Context, MCPServer

server: MCPServer[None] = MCPServer("example")


@server.tool()
async def hello(ctx: Context[None, None]) -> str:
    """Greet the user."""
    headers = ctx.headers or {}
    return f"Hello {unquote(headers.get('x-doorward-username', 'nobody'))}"


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    server.run("streamable-http", host="127.0.0.1", port=port)
