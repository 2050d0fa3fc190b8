"""An MCP server by the official SDK, behind Doorward: see docs/how-to/verifiers.md."""

import os

import uvicorn
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver import MCPServer

from resource_service.verifiers.mcp_sdk import DoorwardTokenVerifier

doorward = DoorwardTokenVerifier(["notes:read"], tool_scopes={"shout": ["notes:write"]})
server = MCPServer("example", token_verifier=doorward, auth=doorward.auth)
app = doorward.app(server)


@server.tool()
def shout() -> str:
    """Greet the user. Needs notes:write; every request needs notes:read."""
    caller = get_access_token()
    return f"HELLO {caller.claims['username'].upper()}"


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "3000")))
