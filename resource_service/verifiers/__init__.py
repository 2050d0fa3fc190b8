"""The guard of this service for other MCP servers in Python, inside their process.

It owns: a token verifier for the official SDK (`mcp_sdk`) and one for FastMCP (`fastmcp`), and what both put
in front of a server (`protection`, `guard_middleware`): the metadata, the challenge, the scopes, and the 503
during an outage. The rest of this service makes every decision about a token; this package only adapts the
decisions to the frameworks.

Only `fastmcp` needs FastMCP, which is not a dependency of this project.
"""
