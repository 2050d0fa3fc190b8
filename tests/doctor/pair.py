"""A pair of MCP server and authorization server that does everything right, until a test makes it do wrong.

Two small ASGI apps over real HTTP. What they say is data of a `Pair`, which a test may change before the
doctor comes: documents, parts of the challenge, whole answers, headers of every answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from time import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

Answerer = Callable[[Request], Awaitable[Response]]
Change = Callable[[Request, Response], None]

USERNAME, PASSWORD = "ada", "correct horse"
SCOPES = ["tools:read", "tools:write"]


@dataclass
class Grant:
    """What a user gave a client.

    Attributes:
        generation: of the newest refresh token.
    """

    client_id: str
    scopes: list[str]
    number: int
    generation: int = 0
    alive: bool = True


@dataclass
class Pair:
    """The state and the behaviour of both servers.

    Attributes:
        challenge: the parameters of every Bearer challenge; an empty value leaves one out.
        replaced: answers instead of those that a path would give, by host name, method and path.
        changes: applied to every answer in the end, CORS headers included.
        clock_offset_s: how far the clocks are ahead.
        stateless: whether the MCP server speaks 2026-07-28 alone.
        token_members: put over every token response.
        registration_members: put over every registration response; None takes a member out.
        answer_members: put over every authorization response; None takes a member out.
    """

    mcp_url: str
    issuer: str
    resource_metadata: dict[str, Any] = field(default_factory=dict)
    server_metadata: dict[str, Any] = field(default_factory=dict)
    openid_metadata: dict[str, Any] = field(default_factory=dict)
    legacy_metadata: dict[str, Any] = field(default_factory=dict)
    root_metadata: dict[str, Any] = field(default_factory=dict)
    challenge: dict[str, str] = field(default_factory=dict)
    replaced: dict[tuple[str, str, str], Answerer] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    clock_offset_s: float = 0
    protected: bool = True
    any_port: bool = True
    any_spelling: bool = True
    redirect_schemes: tuple[str, ...] = ("http", "https", "cursor", "vscode")
    registration_status: int = 201
    registration_members: dict[str, Any] = field(default_factory=dict)
    answer_members: dict[str, str | None] = field(default_factory=dict)
    token_members: dict[str, Any] = field(default_factory=dict)
    token_headers: dict[str, str] = field(default_factory=lambda: {"Cache-Control": "no-store"})
    rotates: bool = True
    forgives_replay: bool = True
    refreshes: bool = True
    revokes: bool = True
    grants_more: bool = True
    dead_refresh_error: str = "invalid_grant"
    accepts_tokens: bool = True
    lists_tools: bool = True
    stateless: bool = False
    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    pending: dict[str, dict[str, str]] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    requests: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        metadata_url = f"{self.mcp_origin}/.well-known/oauth-protected-resource{self.mcp_path}"
        self.challenge = {"resource_metadata": metadata_url, "scope": "tools:read"}
        self.resource_metadata = {
            "resource": self.mcp_url,
            "authorization_servers": [self.issuer],
            "scopes_supported": list(SCOPES),
            "bearer_methods_supported": ["header"],
        }
        self.root_metadata = self.resource_metadata
        self.server_metadata = server_metadata(self.issuer)
        self.openid_metadata = self.legacy_metadata = self.server_metadata

    @property
    def mcp_origin(self) -> str:
        return "/".join(self.mcp_url.split("/")[:3])

    @property
    def mcp_path(self) -> str:
        return self.mcp_url.removeprefix(self.mcp_origin)

    @property
    def issuer_path(self) -> str:
        return self.issuer.removeprefix("/".join(self.issuer.split("/")[:3]))

    def replace(self, server: str, method: str, path: str, response: Response | Answerer) -> None:
        """Answer with `response` instead; `method` may be ``*``."""

        async def answer(request: Request) -> Response:
            return response if isinstance(response, Response) else await response(request)

        self.replaced[server, method, path] = answer

    def both_documents(self, **members: Any) -> None:
        """Change all documents of the authorization server alike; None takes a member out."""
        changed = {**self.server_metadata, **members}
        document = {name: value for name, value in changed.items() if value is not None}
        self.server_metadata = self.openid_metadata = self.legacy_metadata = document

    async def answer(self, server: str, request: Request, answerer: Answerer) -> Response:
        """What `server` answers, everything considered."""
        method, path = request.method, request.url.path
        self.requests.append((server, method, path))
        replaced = self.replaced.get((server, method, path)) or self.replaced.get((server, "*", path))
        response = await (replaced or answerer)(request)
        for name, value in cors_headers(request).items():
            response.headers.setdefault(name, value)
        response.headers["Date"] = formatdate(time() + self.clock_offset_s, usegmt=True)
        for change in self.changes:
            change(request, response)
        return response


def server_metadata(issuer: str) -> dict[str, Any]:
    """RFC 8414 and OpenID members, complete."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "registration_endpoint": f"{issuer}/register",
        "revocation_endpoint": f"{issuer}/revoke",
        "jwks_uri": f"{issuer}/jwks",
        "scopes_supported": [*SCOPES, "offline_access"],
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": True,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def cors_headers(request: Request) -> dict[str, str]:
    """What lets pages of every origin call and read."""
    headers = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "WWW-Authenticate"}
    if request.method == "OPTIONS":
        headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST, DELETE"
        headers["Access-Control-Allow-Headers"] = request.headers.get("access-control-request-headers", "")
    return headers


async def not_found(_request: Request) -> Response:
    """What an unknown path gets."""
    return JSONResponse({"error": "not_found"}, 404)
