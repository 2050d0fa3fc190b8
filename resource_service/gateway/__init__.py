"""In front of somebody else's MCP server, which knows nothing of tokens.

Owns: carrying a request that the guard has let through to the upstream and its answer back, who may use which
MCP session (RS-8), what identity the upstream is told (RS-5), and the processes of servers that speak stdio.
Leaves to the guard in front: whether the token is good and its scopes are enough.

- `targets`        what an upstream is, as it is configured
- `gateway_settings`       all that can be configured about them
- `forwarded_headers`        what passes, in each direction, and what never does; `identity`, what is put in
- `http`           an upstream that speaks Streamable HTTP: a reverse proxy over `connections`, with
                   `sessions` bound to principals, and a `concurrency_limit` for each of them. `upstream` is
                   one exchange with it, `slash_redirect` the one redirect that is followed, `http_reply` its
                   answer
- `stdio`          an upstream that is a command: `sessions_over_stdio` for clients of 2025-11-25 and before,
                   `requests_over_stdio` for those of 2026-07-28
- `stdio_connection`   one `process` and those who talk to it; what it says waits in an `event_log` for a
                       `reply` to
                   take it. `stateless` is one that many requests share, if need be in an `older_revision`
- `process_lease`         the tokens that keep a process; it ends with the last of them
- `pool`           the processes of a command: how many, for whom, in which `environment`
- `disconnect`     what ends an exchange: a client that goes, or that is made to look so (`endable_response`)
- `errors`       each way in which an upstream can fail
"""
