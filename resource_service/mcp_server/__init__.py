"""The built-in MCP server: notes that demonstrate scopes.

`notes` stores them, `tools` defines the tools, and `server` serves both through the official SDK's
transports: the stateless one of revision 2026-07-28, and the one with sessions of 2025-11-25 and before.
"""
