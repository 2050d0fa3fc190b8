"""An MCP server with one tool, which writes down the text of each call.

python -m tests.faults.counting_server FILE PORT
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer

server: MCPServer[Any] = MCPServer("counting", log_level="ERROR")


@server.tool()
def add_note(text: str) -> str:
    """Add a note."""
    with Path(sys.argv[1]).open("a") as file:
        file.write(f"{text}\n")
    return text


if __name__ == "__main__":
    server.run("streamable-http", port=int(sys.argv[2]))
