"""The built-in MCP server: notes, which show what scopes do.

`notes` keeps them, `tools` is what clients call, `server` puts both behind the official SDK's transports: the
stateless one of revision 2026-07-28, and the one with sessions of 2025-11-25 and before.
"""
