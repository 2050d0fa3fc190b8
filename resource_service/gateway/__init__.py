"""The gateway to an upstream MCP server that knows nothing about tokens.

It owns: forwarding requests that have passed the guard and their responses, binding MCP sessions to
principals (RS-8), the identity headers for the upstream (RS-5), and the processes of servers that speak
stdio. The guard checks beforehand that the token is valid and its scopes are sufficient.

- `targets`        the configured kinds of upstream
- `gateway_settings`       the settings for upstreams
- `forwarded_headers`        which headers pass in each direction; `identity` adds the identity headers
- `http`           an upstream that speaks Streamable HTTP: a reverse proxy over `connections`, with
                   `sessions` bound to principals, and a `concurrency_limit` for each of them. `upstream` is
                   one exchange with it, `slash_redirect` the one redirect that is followed, `http_reply` its
                   answer
- `injection`      the credential of a connected account in a request
- `stdio`          an upstream that is a command: `sessions_over_stdio` for clients of 2025-11-25 and before,
                   `requests_over_stdio` for those of 2026-07-28
- `stdio_connection`   one `process` and its clients; its messages wait in an `event_log` for a `reply` to
                       deliver them. `stateless` is a process shared by many requests, through
                       `older_revision` if necessary
- `process_lease`         the tokens that keep a process running; it ends with the last of them
- `pool`           the processes of a command: how many, for whom, in which `environment`
- `disconnect`     ends an exchange when the client disconnects, or appears to (`endable_response`)
- `errors`       all upstream failures
"""
