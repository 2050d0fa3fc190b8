"""The MCP resource server: validates access tokens, and serves MCP or protects another MCP server.

It owns the protected resource metadata (RFC 9728), the challenge (RFC 6750, RFC 9449), and the decision
whether a token is valid for this resource, its sender and this call. The authorization server decides who the
user is, what they consented to, and whether a token is still active.

    main.py              create_app(settings, clock)
    components.py        wiring: every component, created once, by subject
    resource.py          one resource: its backend, behind the guard
    openapi.py           the OpenAPI document
    shutdown.py          ends open responses when the process is asked to stop
    settings.py          settings from the environment, validated before startup
    gateway_settings.py  the part of them about upstreams
    targets.py           the address or command of an upstream
    isolation.py         processes that cannot read each other's environment
    errors.py            all error responses, and the single place that logs and renders them
    reasons.py           the reason codes of refusals
    metrics.py           all metrics
    principal.py         the user and client that a request acts for
    identity_token.py    tokens that tell an upstream who a request acts for
    notifier.py          wakes all waiters after a change
    watched_file.py      whether a file has changed
    person_links.py      how clients are told a link that a person must open
    authorization_server_client.py  requests to the authorization server
    authorization_server_endpoint.py  the same for an endpoint that is used with every call

    messages/       JSON-RPC messages over HTTP, parsed strictly; pure
    policy/         the scopes and groups that each message needs
    pins/           what a server says about its tools, compared with what was approved
    tasks/          task ids, bound to the principal that created the task
    stops/          what the operator has stopped
    introspection/  validation of access tokens
    connected_accounts/  the credentials of people for upstreams
    call_approvals/  approvals of calls that the policy requires
    storage/        what the processes of this service share, and the key schema
    limits/         the calls that a policy limits, counted
    auth/           authentication: credentials, DPoP proofs, the principal
    journal/        every call of a principal, recorded and delivered to the authorization server
    gateway/        a backend: the proxy to an upstream MCP server
    workers/        several processes: a request reaches the one that has its session
    mcp_server/     a backend: the built-in MCP server
    middleware/     `drain_body`, `origins` (CORS), and `guard`, which puts the others in front of a backend
    routes/         the HTTP resources beside MCP
    joined/         several mounts behind one URL
    pages/          shown to browsers
    verifiers/      the same guard for other MCP servers

A package imports only packages above it. A request passes `shared.asgi` (request id, unhandled errors,
response headers), `middleware`, and there the guard: `auth` determines the principal, with `introspection`;
`policy` decides on the `messages`, `limits` counts them; then the backend answers.
"""
