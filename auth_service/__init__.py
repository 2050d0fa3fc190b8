"""The authorization server.

    main.py               create_app(settings, store, clock)
    routes.py             every endpoint and page, created from the components
    resource_server_routes.py  those that resource servers call
    openapi.py            the OpenAPI document
    reloading.py          serves declared settings as soon as they change
    settings.py           settings from the environment, validated before startup
    provider_settings.py  settings of identity providers
    resource_settings.py  settings of the protected resources
    upstream_settings.py  settings of the providers of connected accounts
    current_links.py      links that stay the same for their owner
    rate_limits.py        rate limits, counted in the store
    metrics.py            all metrics

    protocol/      the rules, pure: one file per RFC; documents in, documents out
    storage/       the key schema; the store itself is `shared/storage`
    crypto/        handles, passwords, signing keys
    backup/        backups of the store
    journal/       the journal: who did what, in chains that can be verified
    fetching/      requests to URLs that others supply
    alerts/        alerts to the operator by a webhook
    clients/       clients and their registration
    users/         accounts, login sessions, subjects
    events/        revocations on the way to resource servers
    device/        device authorization requests
    client_auth/   client authentication, DPoP
    grants/        grants and tokens; one file per grant type
    stops/         the stop switch: tools, mounts, clients and people that are stopped
    definitions/   pinned definitions of tools: what is held, and what administrators approved
    federation/    login through identity providers
    connected_accounts/  credentials of people at the providers of upstreams
    call_approvals/  approvals of calls that a policy requires
    access/        access rules, groups, and the decision
    accounts/      account changes and logout, with the sessions and grants that end with them
    administration/  what administrators do, by command, console and admin API
    declarative/   the configuration as a file: planned, applied and exported
    web/           HTTP and HTML building blocks
    authorize/     the authorization endpoint
    endpoints/     the other machine-facing URLs, one file each
    pages/         the human-facing pages, one file each
    wiring/        creates every component once, for the routes

A package imports only packages above it. Only `web`, `authorize`, `endpoints` and `pages` read requests; only
`shared/storage`, `crypto` and `fetching` perform I/O.
"""
