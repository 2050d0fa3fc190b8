"""JSON-RPC messages over HTTP: strict parsing, media types, member names and MCP headers. Pure.

`garbled` handles unparseable answers, and `request_ids` the ids of requests that must be answered.
"""
