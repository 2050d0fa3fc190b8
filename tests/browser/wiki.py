"""The MCP server in the pictures of the documentation: `python -m tests.browser.wiki`, over stdio."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("Team wiki")
READS = ToolAnnotations(read_only_hint=True)
DELETES = ToolAnnotations(destructive_hint=True)


@server.tool(annotations=READS)
def search(text: str) -> str:
    """Search all pages."""
    return f"3 pages contain {text}"


@server.tool(annotations=READS)
def read_page(title: str) -> str:
    """Return the text of a page."""
    return f"# {title}"


@server.tool()
def edit_page(title: str, text: str) -> str:
    """Replace the text of a page."""
    return f"{title}: {len(text)} characters"


@server.tool(annotations=DELETES)
def delete_page(title: str) -> str:
    """Delete a page and its history."""
    return f"{title} is deleted"


if __name__ == "__main__":
    server.run("stdio")
