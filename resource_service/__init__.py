"""The MCP resource server: validates bearer tokens, and serves MCP or stands in front of another MCP server.

Owns the protected resource metadata (RFC 9728), the challenge (RFC 6750, RFC 9449), and the decision whether
a token is valid for this resource, its sender and this call. Leaves to the authorization server who the user
is, what was consented to, and whether a token is still active.

The order in which a request passes, outermost first:

- `shared.asgi`  request id, unhandled errors, response headers
- `middleware`   `drain_body`, `origins` (CORS), then `guard`, which uses
- `auth`         authentication: `shared.bearer` parses credentials, `auth.dpop` checks proofs,
                 `introspection` checks the token, `principal` is the result; and
- `policy`       the scopes that each message needs, as `messages` parses it
- `backend`      the built-in `mcp_server`, or a `gateway` to an upstream MCP server, which receives an
                 `identity_token`

`routes` are the HTTP resources beside MCP, `pages` what browsers are shown; `errors` are all error responses,
with the single place that logs and renders them. `main.create_app` wires the service; `verifiers` puts the
same guard into other MCP servers.
"""
