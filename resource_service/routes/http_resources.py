"""Plain HTTP endpoints behind the same check as MCP: the tutorial's greeting and the contexts; and health."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Security
from fastapi.security import OAuth2AuthorizationCodeBearer
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from resource_service.auth.authentication import Authenticate
from resource_service.errors import Refusal, Refuse
from resource_service.mcp_server.notes import Notes
from resource_service.mcp_server.tools import LISTING, POLICY, READ
from resource_service.policy.decision import check_has, missing
from resource_service.policy.watcher import PolicyWatcher
from resource_service.principal import Principal


class Greeting(BaseModel):
    """Proof that the token is good here."""

    message: str = Field(examples=["Hello wesen, your request to MCP is authorized!"])


class McpContext(BaseModel):
    """Something of the caller's that MCP tools work on."""

    id: str = Field(examples=["notes"])
    title: str = Field(examples=["Notes of wesen"])
    resource: str = Field(description="The MCP endpoint whose tools work on it.")
    tools: list[str] = Field(
        description="Those of them that the token's scopes allow.", examples=[["list_notes", "whoami"]]
    )
    items: int = Field(ge=0, description="How much is in it.", examples=[2])


class ContextList(BaseModel):
    """Every context of the caller."""

    contexts: list[McpContext]


class Health(BaseModel):
    """The service answers."""

    status: str = Field(examples=["ok"])


class Problem(BaseModel):
    """Why a request was refused."""

    error: str = Field(description="For programs.", examples=["invalid_token"])
    error_description: str = Field(description="For developers.", examples=["The access token has expired."])
    reason_code: str = Field(
        default="", description="The reason; see docs/reference/why.md.", examples=["token_inactive"]
    )
    request_id: str = Field(description="The log has the reason under it.", examples=["5f0c9f3b2d61a7e4"])


SCHEME = "oauth2"
"""The name of the security scheme in the OpenAPI document."""

_CHALLENGE = {
    "WWW-Authenticate": {
        "description": "The challenge, in the scheme that was tried (RFC 6750, RFC 9449, RFC 9728).",
        "schema": {"type": "string"},
    }
}


def _refusal(
    description: str, error: str, text: str, headers: Mapping[str, Any] = _CHALLENGE
) -> dict[str, Any]:
    example = {"error": error, "error_description": text, "request_id": "5f0c9f3b2d61a7e4"}
    return {
        "model": Problem,
        "description": description,
        "headers": headers,
        "content": {"application/json": {"example": example}},
    }


_NONCE = {
    "DPoP-Nonce": {
        "description": "With `use_dpop_nonce`: what the next proof must hold (RFC 9449 §9).",
        "schema": {"type": "string"},
    }
}

REFUSALS: dict[int | str, dict[str, Any]] = {
    400: _refusal("Malformed credentials", "invalid_request", "There is more than one Authorization header."),
    401: _refusal(
        "No token, or one that is not good here; or a proof that is not (`invalid_dpop_proof`)",
        "invalid_token",
        "The access token has expired.",
        {**_CHALLENGE, **_NONCE},
    ),
    403: _refusal(
        "A scope is missing, or the web origin is foreign",
        "insufficient_scope",
        "This request needs: wiki:read.",
    ),
    503: _refusal(
        "The authorization server is unavailable",
        "temporarily_unavailable",
        "The authorization server is unavailable, so the token cannot be checked; try again.",
        {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}},
    ),
}


class Hello:
    """The greeting as an ASGI app, which needs no framework; `plain_routes` describes it.

    Args:
        authenticate: returns the principal of a request, or raises a `Refusal`.
        refuse: builds the response to a refusal.
    """

    def __init__(self, authenticate: Authenticate, refuse: Refuse) -> None:
        self._authenticate = authenticate
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            caller = await self._authenticate(scope)
            response: Response = JSONResponse({"message": greeting(caller)})
        except Refusal as refusal:
            response = self._refuse(refusal, scope)
        await response(scope, receive, send)


def greeting(caller: Principal) -> str:
    """Return the greeting for `caller`."""
    return f"Hello {caller.name}, your request to MCP is authorized!"


def health_route() -> APIRouter:
    """Create the health endpoints, which tell monitoring that this process serves requests."""
    router = APIRouter()

    # Ready even if the authorization server is down: otherwise a load balancer would take all processes out
    # of service, and clients would get no 503 with Retry-After (DESIGN D6).
    @router.get("/live", tags=["operation"], summary="Is it alive?", response_description="It is")
    @router.get("/ready", tags=["operation"], summary="Can it serve?", response_description="It can")
    @router.get("/health", tags=["operation"], summary="Is it up?", response_description="It is")
    async def health() -> Health:
        """Answers as long as this process serves; says nothing of the authorization server."""
        return Health(status="ok")

    return router


def plain_routes(
    authenticate: Authenticate, policy: PolicyWatcher, notes: Notes | None, *, issuer: str, resource: str
) -> APIRouter:
    """Create the routes; the *Authorize* button on the docs page leads to `issuer`.

    Args:
        notes: the notes of the built-in MCP server; None if the resource has another backend.
    """
    router = APIRouter()
    scheme = OAuth2AuthorizationCodeBearer(
        authorizationUrl=f"{issuer}/authorize",
        tokenUrl=f"{issuer}/token",
        scopes=dict(policy.current.scopes),
        scheme_name=SCHEME,
        description="Log in at the authorization server and pick the scopes to grant. A token that is bound "
        "to a key is sent as `DPoP TOKEN`, with a proof in the `DPoP` header (RFC 9449).",
        auto_error=False,
    )

    async def principal(request: Request, _described: Annotated[str | None, Depends(scheme)]) -> Principal:
        return await authenticate(request.scope)

    @router.get(
        "/hello",
        tags=["plain"],
        response_description="The greeting",
        summary="Greet the caller",
        responses=REFUSALS,
    )
    async def hello(caller: Annotated[Principal, Security(principal)]) -> Greeting:
        """Greets the user by name, or the client where it acts for itself. Any good token will do."""
        return Greeting(message=greeting(caller))

    if notes is None:
        return router
    described_scopes = [READ] if READ in policy.current.scopes else []

    @router.get(
        "/v1/contexts",
        tags=["plain"],
        response_description="The contexts",
        summary="List contexts",
        responses=REFUSALS,
    )
    async def contexts(
        caller: Annotated[Principal, Security(principal, scopes=described_scopes)],
    ) -> ContextList:
        """Lists what the caller's MCP tools work on. Needs the scope that listing the notes needs."""
        in_force = policy.current
        check_has(in_force, in_force.for_tool(LISTING), caller)
        allowed = [tool for tool in POLICY.tools if not missing(in_force, in_force.for_tool(tool), caller)]
        context = McpContext(
            id="notes",
            title=f"Notes of {caller.name}",
            resource=resource,
            tools=sorted(allowed),
            items=await notes.count(caller.owner),
        )
        return ContextList(contexts=[context])

    return router
