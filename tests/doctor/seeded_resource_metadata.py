"""Misconfigurations of the protected resource metadata."""

from __future__ import annotations

from starlette.responses import JSONResponse

from tests.doctor.misconfiguration import (
    FAILURE,
    RESOURCE_METADATA,
    WARNING,
    Misconfiguration,
    answering,
    nothing_at,
)
from tests.doctor.pair import Pair


def metadata_at_the_root_only(pair: Pair) -> None:
    """The metadata at the root alone, and the challenge leading there."""
    nothing_at(pair, "mcp", f"{RESOURCE_METADATA}/mcp")
    pair.mcp.challenge["resource_metadata"] = f"{pair.mcp_origin}{RESOURCE_METADATA}"


def challenge_to_another_document(pair: Pair) -> None:
    """The challenge leads to a document that names one more scope."""
    other = {**pair.documents.resource, "scopes_supported": ["tools:read"]}
    answering(pair, "mcp", "/metadata", JSONResponse(other))
    pair.mcp.challenge["resource_metadata"] = f"{pair.mcp_origin}/metadata"


SEEDED = (
    Misconfiguration(
        "there is no metadata at the place with the path",
        "resource-metadata-path",
        WARNING,
        "Serve the protected resource metadata at /.well-known/oauth-protected-resource, followed by the "
        "path of the MCP URL, without authentication.",
        metadata_at_the_root_only,
    ),
    Misconfiguration(
        "there is no metadata at the root",
        "resource-metadata-root",
        WARNING,
        "Also serve the protected resource metadata at /.well-known/oauth-protected-resource.",
        lambda pair: nothing_at(pair, "mcp", RESOURCE_METADATA),
    ),
    Misconfiguration(
        "there is no protected resource metadata",
        "resource-metadata",
        FAILURE,
        "Serve the JSON document of RFC 9728 at /.well-known/oauth-protected-resource, followed by the "
        "path of the MCP URL.",
        lambda pair: nothing_at(pair, "mcp", RESOURCE_METADATA, f"{RESOURCE_METADATA}/mcp"),
        also=frozenset(
            {"challenge-resource-metadata", "resource-metadata-path", "resource-metadata-root", "issuer"}
        ),
    ),
    Misconfiguration(
        "the places tell different things",
        "resource-metadata-equal",
        FAILURE,
        "Serve the same document at all URLs.",
        challenge_to_another_document,
    ),
    Misconfiguration(
        "the root has the metadata of another resource",
        "resource-metadata-equal",
        WARNING,
        "Serve the same document at all URLs.",
        lambda pair: setattr(
            pair.documents, "root", {**pair.documents.resource, "resource": pair.mcp_origin}
        ),
    ),
    Misconfiguration(
        "the resource is announced under its internal URL",
        "resource-match",
        FAILURE,
        "Configure the public URL of the MCP server, so that `resource` in its metadata is the URL that "
        "people paste.",
        lambda pair: pair.documents.resource.update(resource="http://127.0.0.1:8000/mcp"),
        also=frozenset({"resource-exact"}),
    ),
    Misconfiguration(
        "the resource is announced with a slash more",
        "resource-exact",
        WARNING,
        "Set `resource` in the metadata to exactly the URL that people paste, including a trailing slash.",
        lambda pair: pair.documents.resource.update(resource=f"{pair.mcp_url}/"),
    ),
    Misconfiguration(
        "no authorization server is named",
        "authorization-servers",
        FAILURE,
        "Add the issuer URL of the authorization server to `authorization_servers`.",
        lambda pair: pair.documents.resource.update(authorization_servers=[]),
        also=frozenset({"issuer"}),
    ),
    Misconfiguration(
        "the resource lists offline_access",
        "offline-access",
        WARNING,
        "Remove offline_access from `scopes_supported` of the protected resource and from the challenge. "
        "Only the authorization server should list it.",
        lambda pair: pair.documents.resource["scopes_supported"].append("offline_access"),
    ),
    Misconfiguration(
        "the challenge asks for offline_access",
        "offline-access",
        WARNING,
        "Remove offline_access from `scopes_supported` of the protected resource and from the challenge. "
        "Only the authorization server should list it.",
        lambda pair: pair.mcp.challenge.update(scope="tools:read offline_access"),
    ),
    Misconfiguration(
        "tokens are taken in the body only",
        "bearer-methods",
        WARNING,
        'Add "header" to `bearer_methods_supported`, or omit the member.',
        lambda pair: pair.documents.resource.update(bearer_methods_supported=["body"]),
    ),
)
