"""JSON-RPC messages over HTTP: strict parsing, media types, member names and MCP headers. Pure."""
