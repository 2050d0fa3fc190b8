"""An MCP server that knows nothing of tokens, and writes down in a file whatever it does.

python -m tests.gateway.servers.ledger FILE            # over stdio
python -m tests.gateway.servers.ledger FILE PORT       # over Streamable HTTP, at /mcp
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

from tests.gateway.servers.events import Events

server: MCPServer[Any] = MCPServer("ledger", log_level="ERROR")


def note_down(text: str) -> str:
    """Write a line that stays."""
    with Path(sys.argv[1]).open("a") as file:
        file.write(f"{text}\n")
    return text


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
async def list_notes() -> str:
    """List notes."""
    return note_down("list_notes")


@server.tool(annotations=ToolAnnotations(read_only_hint=False, destructive_hint=False))
async def add_note(text: str) -> str:
    """Add a note."""
    return note_down("add_note")


@server.tool(annotations=ToolAnnotations(read_only_hint=False, destructive_hint=True))
async def wipe_notes() -> str:
    """Forget them all."""
    return note_down("wipe_notes")


@server.tool()
async def archive() -> str:
    """Says nothing about what it does."""
    return note_down("archive")


@server.prompt()
def summary() -> str:
    """Ask for a summary."""
    return note_down("summary")


@server.prompt()
def confession() -> str:
    """Ask for more than that."""
    return note_down("confession")


@server.resource("notes://all")
def all_notes() -> str:
    """Every note."""
    return note_down("notes://all")


@server.resource("notes://one/{number}")
def one_note(number: str) -> str:
    """One of them."""
    return note_down("notes://one")


@server.resource("keys://all")
def all_keys() -> str:
    """A tool that nobody should see."""
    return note_down("keys://all")


@server.resource("keys://one/{number}")
def one_key(number: str) -> str:
    """One of them."""
    return note_down("keys://one")


def main() -> None:
    if len(sys.argv) == 2:
        server.run("stdio")
    else:
        server.run("streamable-http", port=int(sys.argv[2]), event_store=Events())


if __name__ == "__main__":
    main()
