"""The public keys of this service (RFC 7517), for the servers behind the gateway."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from resource_service.identity_token import IdentityTokens

PATH = "/.well-known/jwks.json"
HEADERS = {"Cache-Control": "public, max-age=300"}


class PublicKeys(BaseModel):
    """RFC 7517 §5."""

    keys: list[dict[str, Any]] = Field(description="What `X-Doorward-Identity` is verified with.")


def key_routes(tokens: IdentityTokens) -> APIRouter:
    """Create the route of the key set that verifies identity tokens."""
    router = APIRouter(tags=["metadata"])
    document = {"keys": [tokens.public_key]}

    async def public_keys() -> JSONResponse:
        """The keys that sign what the MCP server behind the gateway is told about a caller."""
        return JSONResponse(document, headers=HEADERS)

    for method in ("GET", "HEAD"):
        router.add_api_route(
            PATH,
            public_keys,
            methods=[method],
            response_model=PublicKeys,
            summary="Keys of identity tokens (RFC 7517)",
            response_description="The key set",
            include_in_schema=method == "GET",
        )
    return router
