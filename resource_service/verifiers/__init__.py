"""For those who write their own MCP server in Python: the guard of this service, in their own process.

Owns: a token verifier for the official SDK (`mcp_sdk`) and one for FastMCP (`fastmcp`), and what both put in
front of a server (`protection`, `guard_middleware`): the metadata, the challenge, the scopes, the 503 of an
outage. Leaves to the rest of this service every decision about a token; here it is only brought to where
somebody else's framework wants it.

`fastmcp` is the one module that needs FastMCP, which nothing of ours installs.
"""
