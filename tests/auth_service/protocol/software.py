"""The registrations of well-known clients, as they send them."""

from __future__ import annotations

from typing import Any

BOTH = ["authorization_code", "refresh_token"]


DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


URI = "https://client.example/cb"


# What clients put into their registrations, and what of it comes back changed; the rest is echoed as it is.
CLIENTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "claude.ai": (
        {
            "client_name": "Claude",
            "redirect_uris": ["https://claude.ai/api/mcp/auth_callback"],
            "grant_types": BOTH,
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "scope": "notes:read offline_access",
        },
        {},
    ),
    "Claude Code": (
        {
            "client_name": "Claude Code (doorward)",
            "redirect_uris": ["http://localhost:54212/callback"],
            "grant_types": BOTH,
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        },
        {},
    ),
    "Cursor": (
        {
            "client_name": "Cursor",
            "application_type": "web",
            "redirect_uris": [
                "cursor://anysphere.cursor-mcp/oauth/callback",
                "https://www.cursor.com/agents/mcp/oauth/callback",
                "http://localhost:8787/callback",
            ],
            "grant_types": BOTH,
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        },
        {},
    ),
    "VS Code": (
        {
            "client_name": "Visual Studio Code",
            "client_uri": "https://code.visualstudio.com",
            "grant_types": [*BOTH, DEVICE],
            "response_types": ["code"],
            "redirect_uris": ["https://vscode.dev/redirect", "http://127.0.0.1/", "http://127.0.0.1:33418/"],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        },
        {},
    ),
    "Gemini CLI": (
        {
            "client_name": "Gemini CLI MCP Client",
            "redirect_uris": ["http://localhost:41231/oauth/callback"],
            "grant_types": BOTH,
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "code_challenge_method": ["S256"],
            "scope": "",
        },
        {"scope": None, "code_challenge_method": None},
    ),
    "mcp-remote": (
        {
            "redirect_uris": ["http://localhost:3334/oauth/callback"],
            "token_endpoint_auth_method": "none",
            "grant_types": BOTH,
            "response_types": ["code"],
            "client_name": "MCP CLI Proxy",
            "client_uri": "https://github.com/modelcontextprotocol/mcp-cli",
            "software_id": "2e6dc280-f3c3-4e01-99a7-8181dbd1d23d",
            "software_version": "0.1.37",
        },
        {},
    ),
    "mcp-remote, device flow": (
        {
            "client_name": "MCP CLI Proxy",
            "grant_types": [DEVICE, "refresh_token"],
            "response_types": ["code"],
        },
        {
            "response_types": [],
            "token_endpoint_auth_method": "client_secret_basic",
        },
    ),
    "MCP Inspector": (
        {
            "redirect_uris": ["http://localhost:6274/oauth/callback"],
            "token_endpoint_auth_method": "none",
            "grant_types": BOTH,
            "response_types": ["code"],
            "client_name": "MCP Inspector",
            "client_uri": "https://github.com/modelcontextprotocol/inspector",
            "scope": "notes:read notes:write",
        },
        {},
    ),
    "Goose": (
        {
            "client_name": "goose",
            "redirect_uris": ["http://127.0.0.1:39211/oauth_callback"],
            "grant_types": BOTH,
        },
        {"token_endpoint_auth_method": "client_secret_basic", "response_types": ["code"]},
    ),
    "Codex CLI": (
        {
            "client_name": "Codex",
            "redirect_uris": ["http://127.0.0.1:38217/callback/Ab12"],
            "grant_types": BOTH,
            "token_endpoint_auth_method": "none",
            "response_types": ["code"],
        },
        {},
    ),
    "TypeScript SDK, as little as it may": (
        {"redirect_uris": [URI]},
        {
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
        },
    ),
    "Python SDK, with nulls": (
        {
            "redirect_uris": ["http://localhost:3030/callback"],
            "grant_types": BOTH,
            "response_types": ["code"],
            "scope": None,
            "client_name": "mcp",
            "client_uri": None,
            "logo_uri": None,
            "contacts": None,
            "tos_uri": None,
            "policy_uri": None,
            "jwks_uri": None,
            "jwks": None,
            "software_id": None,
            "software_version": None,
            "token_endpoint_auth_method": None,
        },
        {
            **dict.fromkeys(("scope", "client_uri", "logo_uri", "contacts", "tos_uri", "policy_uri")),
            **dict.fromkeys(("jwks_uri", "jwks", "software_id", "software_version")),
            "token_endpoint_auth_method": "client_secret_basic",
        },
    ),
    "empty members": (
        {"redirect_uris": [URI], "client_name": "", "logo_uri": "", "contacts": [], "grant_types": []},
        {
            **dict.fromkeys(("client_name", "logo_uri", "contacts")),
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
        },
    ),
    "everything unknown": (
        {
            "redirect_uris": [URI],
            "grant_types": ["authorization_code", "implicit", "password", "authorization_code"],
            "response_types": ["code", "token", "id_token"],
            "x_future": {"deeply": [1, {"nested": None}]},
            "default_max_age": 3600,
            "token_endpoint_auth_method": "client_secret_post",
            "application_type": "something else",
        },
        {
            **dict.fromkeys(("x_future", "default_max_age")),
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
        },
    ),
    "a name in other languages": (
        {
            "redirect_uris": [URI],
            "client_name": "Notes",
            "client_name#ja-Jpan-JP": "ノート",
            "policy_uri#de": "https://client.example/datenschutz",
            "redirect_uris#de": ["https://evil.example/"],
            "scope#de": "x",
            "client_name#": "no tag",
        },
        {
            **dict.fromkeys(("redirect_uris#de", "scope#de", "client_name#")),
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
        },
    ),
    "credentials of its own choice": (
        {
            "redirect_uris": [URI],
            "client_id": "admin",
            "client_secret": "chosen",
            "registration_access_token": "chosen",
            "registration_client_uri": "https://evil.example/",
            "client_id_issued_at": 0,
            "client_secret_expires_at": 1,
        },
        {
            **dict.fromkeys(("client_id", "client_secret", "registration_access_token")),
            **dict.fromkeys(("registration_client_uri", "client_id_issued_at", "client_secret_expires_at")),
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
        },
    ),
}
