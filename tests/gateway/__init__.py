"""The gateway, in front of real MCP servers that know nothing of it, each a process of its own."""
