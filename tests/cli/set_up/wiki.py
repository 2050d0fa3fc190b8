"""An MCP server over stdio, to set up Doorward in front of."""

SERVER = """
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("My wiki")

@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def search(text: str) -> str:
    "Search all pages."
    return text

@server.tool()
def edit_page(page: str) -> str:
    "Replace <b>a page</b>."
    return page

server.run("stdio")
"""
