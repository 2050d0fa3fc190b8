"""The MCP resource server: it validates bearer tokens, and serves MCP to those who hold a good one.

Owns: the protected resource metadata (RFC 9728), the challenge (RFC 6750, RFC 9449), the decision whether a
token is good for this resource, its sender and this call, and a built-in MCP server. Leaves to the
authorization server: who the user is, what was consented to, and whether a token is still alive.

The way of a request, outermost first:

- `shared.asgi`      request id, unexpected errors, response headers, cross-origin answers
- `hearing`          no answer of a refusal before the request is here
- `base_path`        the public path of this service, whether a proxy has stripped it or not
- `origins`          which web origins may call what
- `guard`            `authentication` (`bearer`, `possession`, `introspection`, `principal`), then `policy`
                     for each message, as `jsonrpc` reads it
- `backend`          what is behind it: `mcp_server`, the built-in one with its notes, or `gateway`, in front
                     of somebody else's, which learns from an `identity_token` who a request acts for

`plain` holds the plain HTTP resources behind the same check, `metadata` what is announced, `aliases` what
the 2025-03-26 revision of MCP expects at this origin, `refusals` every no and its one way into the log and
onto the wire. `main.create_app` wires them; `verifiers` puts the same guard into MCP servers of others.
"""
