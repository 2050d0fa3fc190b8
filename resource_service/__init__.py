"""The MCP resource server: validates access tokens, and serves MCP or protects another MCP server.

It owns the protected resource metadata (RFC 9728), the challenge (RFC 6750, RFC 9449), and the decision
whether a token is valid for this resource, its sender and this call. The authorization server decides who the
user is, what they consented to, and whether a token is still active.

A request passes these in order, outermost first:

- `shared.asgi`  request id, unhandled errors, response headers
- `middleware`   `drain_body`, `origins` (CORS), then `guard`, which uses
- `auth`         authentication: `shared.bearer` parses credentials, `auth.dpop` checks proofs,
                 `introspection` checks the token, `principal` is the result; and
- `policy`       the scopes that each message needs, as `messages` parses it
- `backend`      the built-in `mcp_server`, or a `gateway` to an upstream MCP server, which receives an
                 `identity_token`

`routes` are the HTTP resources beside MCP, `pages` are shown to browsers, and `errors` defines all error
responses and the single place that logs and renders them. `main.create_app` wires the service; `verifiers`
adds the same guard to other MCP servers.
"""
