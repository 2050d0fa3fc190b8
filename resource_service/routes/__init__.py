"""HTTP resources beside MCP: metadata documents, aliases, public keys, and the built-in examples."""
