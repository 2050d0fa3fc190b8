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
    """A grant of a user to a client.

    Attributes:
        generation: of the newest refresh token.
    """

    client_id: str
    scopes: list[str]
    number: int
    generation: int = 0
    alive: bool = True


@dataclass
class Documents:
    """The metadata of both servers.

    Attributes:
        openid: the server's metadata where OpenID Connect has it.
        legacy: the server's metadata where the first revision of MCP had it, on the MCP server.
        root: the resource's metadata at the path without a suffix.
    """

    resource: dict[str, Any]
    server: dict[str, Any]
    openid: dict[str, Any]
    legacy: dict[str, Any]
    root: dict[str, Any]

    @classmethod
    def complete(cls, mcp_url: str, issuer: str) -> Documents:
        """All documents as they should be."""
        resource = resource_metadata(mcp_url, issuer)
        server = server_metadata(issuer)
        return cls(resource, server, openid=server, legacy=server, root=resource)


@dataclass
class AuthorizationRules:
    """The behavior of the authorization server."""

    redirect_schemes: tuple[str, ...] = ("http", "https", "cursor", "vscode")
    any_port: bool = True
    any_spelling: bool = True
    grants_more: bool = True
    rotates: bool = True
    forgives_replay: bool = True
    refreshes: bool = True
    revokes: bool = True
    dead_refresh_error: str = "invalid_grant"


@dataclass
class AuthorizationResponses:
    """Changes to the responses of the authorization server.

    Attributes:
        registration_members: put over every registration response; ``ABSENT`` takes a member out.
        answer_members: put over every authorization response; None takes a member out.
        token_members: put over every token response; ``ABSENT`` takes a member out.
    """

    registration_status: int = 201
    registration_members: dict[str, Any] = field(default_factory=dict)
    answer_members: dict[str, str | None] = field(default_factory=dict)
    token_members: dict[str, Any] = field(default_factory=dict)
    token_headers: dict[str, str] = field(default_factory=lambda: {"Cache-Control": "no-store"})


@dataclass
class McpBehavior:
    """The behavior of the MCP server.

    Attributes:
        challenge: the parameters of every Bearer challenge; an empty value leaves one out.
        stateless: whether it speaks 2026-07-28 alone.
    """

    challenge: dict[str, str]
    protected: bool = True
    accepts_tokens: bool = True
    lists_tools: bool = True
    stateless: bool = False


@dataclass
class State:
    """The state of the authorization server."""

    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    pending: dict[str, dict[str, str]] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)


@dataclass
class Http:
    """The common behavior of both servers, and their requests.

    Attributes:
        replaced: answers instead of those that a path would give, by host name, method and path.
        changes: applied to every answer in the end, CORS headers included.
        clock_offset_s: how far the clocks are ahead.
        requests: server, method and path of each.
    """

    replaced: dict[tuple[str, str, str], Answerer] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    clock_offset_s: float = 0
    requests: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class Pair:
    """The state and the behaviour of both servers."""

    mcp_url: str
    issuer: str
    documents: Documents = field(init=False)
    mcp: McpBehavior = field(init=False)
    rules: AuthorizationRules = field(default_factory=AuthorizationRules)
    responses: AuthorizationResponses = field(default_factory=AuthorizationResponses)
    state: State = field(default_factory=State)
    http: Http = field(default_factory=Http)

    def __post_init__(self) -> None:
        self.documents = Documents.complete(self.mcp_url, self.issuer)
        metadata_url = f"{self.mcp_origin}/.well-known/oauth-protected-resource{self.mcp_path}"
        self.mcp = McpBehavior({"resource_metadata": metadata_url, "scope": "tools:read"})

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

        self.http.replaced[server, method, path] = answer

    def both_documents(self, **members: Any) -> None:
        """Change all documents of the authorization server alike; None takes a member out."""
        changed = {**self.documents.server, **members}
        document = {name: value for name, value in changed.items() if value is not None}
        documents = self.documents
        documents.server = documents.openid = documents.legacy = document

    async def answer(self, server: str, request: Request, answerer: Answerer) -> Response:
        """Return the response of `server`, with all changes."""
        method, path = request.method, request.url.path
        self.http.requests.append((server, method, path))
        replaced = self.http.replaced.get((server, method, path)) or self.http.replaced.get(
            (server, "*", path)
        )
        response = await (replaced or answerer)(request)
        for name, value in cors_headers(request).items():
            response.headers.setdefault(name, value)
        response.headers["Date"] = formatdate(time() + self.http.clock_offset_s, usegmt=True)
        for change in self.http.changes:
            change(request, response)
        return response


def resource_metadata(mcp_url: str, issuer: str) -> dict[str, Any]:
    """RFC 9728 members, complete."""
    return {
        "resource": mcp_url,
        "authorization_servers": [issuer],
        "scopes_supported": list(SCOPES),
        "bearer_methods_supported": ["header"],
    }


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
    """The CORS headers for all origins."""
    headers = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "WWW-Authenticate"}
    if request.method == "OPTIONS":
        headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST, DELETE"
        headers["Access-Control-Allow-Headers"] = request.headers.get("access-control-request-headers", "")
    return headers


async def not_found(_request: Request) -> Response:
    """The response to an unknown path."""
    return JSONResponse({"error": "not_found"}, 404)
