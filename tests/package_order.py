"""The order of the packages of each service."""

from __future__ import annotations

# Lowest first: a package, or a module at the top of a service, imports only what comes before it.
ORDER = {
    "auth_service": (
        *("protocol", "provider_settings", "upstream_settings", "resource_settings", "settings"),
        *("storage", "crypto", "backup", "metrics", "journal", "fetching", "alerts", "rate_limits"),
        *(
            "clients",
            "users",
            "events",
            "device",
            "client_auth",
            "grants",
            "stops",
            "definitions",
            "federation",
            "current_links",
            "connected_accounts",
            "call_approvals",
            "access",
            "accounts",
            "administration",
            "declarative",
        ),
        *("web", "authorize", "endpoints", "pages", "wiring"),
        *("resource_server_routes", "routes", "openapi", "reloading", "main"),
    ),
    "resource_service": (
        *("reasons", "errors", "principal", "metrics", "identity_token", "targets", "isolation", "notifier"),
        *("messages", "watched_file", "policy", "pins", "tasks", "gateway_settings", "settings"),
        *("stops", "authorization_server_client", "authorization_server_endpoint", "introspection"),
        *("person_links", "connected_accounts", "call_approvals"),
        "storage",
        *(
            "limits",
            "auth",
            "journal",
            "gateway",
            "workers",
            "mcp_server",
            "middleware",
            "routes",
            "joined",
            "resource",
            "openapi",
            "pages",
        ),
        *("shutdown", "components", "main", "verifiers"),
    ),
}
