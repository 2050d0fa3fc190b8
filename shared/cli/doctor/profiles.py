"""How the needs of particular clients differ from those of most clients. Data only.

A profile changes the weight of checks: those in `fatal` are failures for that client even if they are only
warnings for most; those in `tolerates` are warnings even if most clients stop at them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PORT = "PORT"
"""A placeholder for the port that is free when the client starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The profile of one client.

    Attributes:
        registers_by: in order of preference: ``CIMD`` (client ID metadata document), ``DCR`` (RFC 7591).
        redirect_uris: the registered redirect URIs; `PORT` is a placeholder for a free port.
        auth_method: the registered `token_endpoint_auth_method`; None omits it, which means a secret.
        registers: additional members of the registration.
        asks_for_all: whether the client requests every scope that the authorization server lists.
        hosted: whether the client runs in its vendor's cloud, and so reaches only the public Internet.
    """

    id: str
    name: str
    registers_by: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    fatal: frozenset[str] = frozenset()
    tolerates: frozenset[str] = frozenset()
    auth_method: str | None = "none"
    registers: Mapping[str, str] = field(default_factory=dict)
    asks_for_all: bool = False
    hosted: bool = False
    notes: str = ""


_CORS = frozenset({"cors-preflight", "cors-challenge", "cors-documents", "cors-endpoints"})

PROFILES = {
    profile.id: profile
    for profile in (
        Profile(
            id="claude",
            name="Claude (web, desktop, mobile)",
            registers_by=("CIMD", "DCR"),
            redirect_uris=(
                "https://claude.ai/api/mcp/auth_callback",
                "https://claude.com/api/mcp/auth_callback",
            ),
            fatal=frozenset({"auth-method-none", "speed", "dead-refresh"}),
            hosted=True,
            notes="Hosted. Allows 10 seconds each for discovery, registration and token.",
        ),
        Profile(
            id="claude-code",
            name="Claude Code",
            registers_by=("CIMD", "DCR"),
            redirect_uris=("http://localhost:PORT/callback",),
            fatal=frozenset({"loopback-port"}),
            notes="Lists loopback redirect URIs without a port in its metadata document.",
        ),
        Profile(
            id="chatgpt",
            name="ChatGPT",
            registers_by=("CIMD", "DCR"),
            redirect_uris=("https://chatgpt.com/connector_platform_oauth_redirect",),
            fatal=frozenset({"clock"}),
            asks_for_all=True,
            hosted=True,
            notes="Hosted. Signs client assertions, which depend on the server's clock; revokes tokens on "
            "disconnect.",
        ),
        Profile(
            id="codex",
            name="Codex CLI",
            registers_by=("CIMD", "DCR"),
            redirect_uris=("http://127.0.0.1:PORT/callback/doctor",),
            fatal=frozenset({"refresh-replay"}),
            notes="Refreshes the same token in several processes at once.",
        ),
        Profile(
            id="cursor",
            name="Cursor",
            registers_by=("DCR",),
            redirect_uris=(
                "cursor://anysphere.cursor-mcp/oauth/callback",
                "https://www.cursor.com/agents/mcp/oauth/callback",
                "http://localhost:8787/callback",
            ),
            fatal=frozenset({"registration-dynamic"}),
            registers={"application_type": "web"},
            notes="Registers three redirect URIs together, one with a private-use scheme.",
        ),
        Profile(
            id="vscode",
            name="VS Code",
            registers_by=("CIMD", "DCR"),
            redirect_uris=("http://127.0.0.1:33418/", "https://vscode.dev/redirect"),
            fatal=frozenset({"resource-exact", "loopback-port"}),
            registers={"application_type": "native"},
            notes="Requires `resource` to be exactly the pasted URL; uses any loopback port.",
        ),
        Profile(
            id="gemini",
            name="Gemini CLI",
            registers_by=("DCR",),
            redirect_uris=("http://localhost:PORT/oauth/callback",),
            fatal=frozenset({"registration-dynamic", "iss"}),
            registers={"scope": ""},
            asks_for_all=True,
            notes=(
                "Starts with HEAD; requires `iss` in the authorization response; registers with an "
                "empty scope."
            ),
        ),
        Profile(
            id="mcp-remote",
            name="mcp-remote",
            registers_by=("DCR",),
            redirect_uris=("http://localhost:PORT/oauth/callback",),
            fatal=frozenset({"registration-dynamic"}),
            notes="Discards its registration if the response has other redirect URIs.",
        ),
        Profile(
            id="inspector",
            name="MCP Inspector",
            registers_by=("DCR",),
            redirect_uris=("http://localhost:6274/oauth/callback", "http://127.0.0.1:6276/oauth/callback"),
            fatal=_CORS | {"registration-dynamic"},
            notes="Runs in a browser, so every response needs CORS headers.",
        ),
        Profile(
            id="goose",
            name="Goose",
            registers_by=("CIMD", "DCR"),
            redirect_uris=("http://127.0.0.1:PORT/oauth_callback",),
            fatal=frozenset({"grant-refresh", "refresh-token"}),
            notes="Refreshes at every start; checks `iss`.",
        ),
        Profile(
            id="typescript-sdk",
            name="TypeScript SDK",
            registers_by=("DCR",),
            redirect_uris=("http://localhost:PORT/callback",),
            fatal=frozenset({"registration-dynamic"}),
            auth_method=None,
            notes="Validates every document with a schema, which rejects null and empty URLs.",
        ),
        Profile(
            id="python-sdk",
            name="Python SDK",
            registers_by=("CIMD", "DCR"),
            redirect_uris=("http://localhost:PORT/callback",),
            tolerates=frozenset({"nulls"}),
            auth_method=None,
            notes="Compares issuers as strings; stops discovery at a 5xx from a well-known URL.",
        ),
    )
}
