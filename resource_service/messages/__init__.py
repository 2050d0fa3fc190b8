"""JSON-RPC messages over HTTP: strict parsing, media types, member names and MCP headers. Pure.

`garbled` handles unparseable answers, `request_ids` the ids of requests that must be answered, and
`joined_names` the names of several mounts behind one URL.
"""
