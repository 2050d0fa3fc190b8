"""The protected resource metadata (RFC 9728)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from resource_service.policy.published import PublishedScope, published
from resource_service.policy.rules import Policy
from resource_service.policy.watcher import PolicyWatcher
from resource_service.settings import ResourceSettings
from shared import dpop
from shared.well_known import PROTECTED_RESOURCE

HEADERS = {"Cache-Control": "public, max-age=60"}
SLASHES: tuple[Literal["", "/"], ...] = ("", "/")
"""The possible endings of a resource's URL, as people type it."""


class ProtectedResourceMetadata(BaseModel):
    """RFC 9728 §2. URLs are opaque strings: echoed byte for byte, as clients compare them."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "resource": "http://localhost:9001/mcp",
                "authorization_servers": ["http://localhost:9000"],
                "scopes_supported": ["wiki:read", "wiki:write"],
                "bearer_methods_supported": ["header"],
                "dpop_signing_alg_values_supported": ["ES256", "RS256", "PS256"],
                "dpop_bound_access_tokens_required": False,
                "resource_name": "Team wiki",
                "resource_documentation": "http://localhost:9001/docs",
                "doorward_scopes": {
                    "wiki:read": {"description": "Read pages", "tools": ["search"]},
                    "wiki:write": {"description": "Edit pages", "tools": ["edit_page"]},
                },
            }
        }
    )

    resource: str = Field(description="The URL of the resource, and the audience a token must have.")
    authorization_servers: list[str] = Field(description="The issuers whose tokens are accepted.")
    scopes_supported: list[str] | None = Field(
        default=None, description="The scopes that can be requested; omitted if there are none."
    )
    bearer_methods_supported: list[str] = Field(description="Where a token may be sent: in the header only.")
    dpop_signing_alg_values_supported: list[str] = Field(
        description="What a proof of possession may be signed with (RFC 9449)."
    )
    dpop_bound_access_tokens_required: bool = Field(description="Whether every token must be bound to a key.")
    resource_name: str = Field(description="For people.")
    resource_documentation: str | None = Field(default=None, description="For developers.")
    doorward_scopes: dict[str, PublishedScope] | None = Field(
        default=None, description="What each scope allows, for the consent page; other clients ignore it."
    )


def metadata_of(settings: ResourceSettings, policy: Policy) -> dict[str, Any]:
    """Build the metadata, without ``offline_access``, which concerns only a client and the issuer."""
    document = ProtectedResourceMetadata(
        resource=settings.resource,
        authorization_servers=[settings.issuer],
        scopes_supported=list(policy.scopes) or None,
        bearer_methods_supported=["header"],
        dpop_signing_alg_values_supported=list(dpop.ALGORITHMS),
        dpop_bound_access_tokens_required=False,
        resource_name=settings.resource_name,
        resource_documentation=settings.documentation_url,
        doorward_scopes=published(policy),  # RFC 9728 §2: additional members may be used
    )
    return document.model_dump(exclude_none=True)  # RFC 9728 §3.2: no members without a value


def metadata_documents(
    settings: ResourceSettings, policy: PolicyWatcher
) -> dict[str, Callable[[], dict[str, Any]]]:
    """Map each path to a function that returns its current document; see `metadata_routes`."""

    def document_of(spelled: ResourceSettings) -> Callable[[], dict[str, Any]]:
        return lambda: metadata_of(spelled, policy.current)

    return {path: document_of(spelled) for path, spelled in _places(settings, at_root=True).items()}


def metadata_routes(settings: ResourceSettings, policy: PolicyWatcher, *, at_root: bool = True) -> APIRouter:
    """Create the routes of RFC 9728 §3.1, with and without a trailing slash, each for its own spelling.

    Args:
        at_root: whether to serve it at the root path too, where clients also look; only one resource can be
            there.
    """
    router = APIRouter(tags=["metadata"])
    for path, spelled in _places(settings, at_root=at_root).items():
        _serve(router, path, spelled, policy, documented=not path.endswith("/"))
    return router


def _places(settings: ResourceSettings, *, at_root: bool) -> dict[str, ResourceSettings]:
    places = {}
    for slash in SLASHES:
        places[f"{settings.metadata_path}{slash}"] = settings.spelled(slash)
        if at_root:
            places[f"{PROTECTED_RESOURCE}{slash}"] = settings
    return places


def _serve(
    router: APIRouter, path: str, settings: ResourceSettings, policy: PolicyWatcher, *, documented: bool
) -> None:
    async def protected_resource_metadata() -> JSONResponse:
        """The metadata that a client needs before its first token: the issuer and the scopes."""
        return JSONResponse(metadata_of(settings, policy.current), headers=HEADERS)

    for method in ("GET", "HEAD"):
        router.add_api_route(
            path,
            protected_resource_metadata,
            methods=[method],
            response_model=ProtectedResourceMetadata,
            summary="Protected resource metadata (RFC 9728)",
            response_description="The metadata",
            include_in_schema=documented and method == "GET",
        )
