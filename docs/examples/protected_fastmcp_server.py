"""An MCP server by FastMCP, behind Doorward: see docs/how-to/verifiers.md."""

import os

from fastmcp import FastMCP
from fastmcp.server.dependencies import get_access_token

from resource_service.verifiers.fastmcp import DoorwardTokenVerifier

doorward = DoorwardTokenVerifier(["notes:read"], tool_scopes={"shout": ["notes:write"]})
server = FastMCP("example", auth=doorward)


@server.tool
def shout() -> str:
    """Greet the user. Needs notes:write; every request needs notes:read."""
    caller = get_access_token()
    return f"HELLO {caller.claims['username'].upper()}"


if __name__ == "__main__":
    server.run(transport="http", port=int(os.environ.get("PORT", "3000")))
