"""JSON-RPC messages over HTTP: strict parsing, media types, member names and MCP headers. Pure.

`garbled` is about answers that cannot be parsed, `request_ids` about which requests there are to answer.
"""
