"""The OpenAPI document: written by hand next to each endpoint, assembled here (DESIGN D10)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urljoin

from auth_service.protocol.admin_access import DESCRIPTION, SCOPE
from auth_service.settings import AuthSettings
from auth_service.web.route import Endpoint, openapi_paths
from shared.asgi.direct_app import DirectApp
from shared.version import VERSION

_DESCRIPTION = """\
OAuth 2.1 and OpenID Connect for MCP servers, by the issuer `{issuer}`.

**To try it from here**

1. Open *POST /register* and press *Execute*: the example registers a working client.
2. Press *Authorize*. The client ID is filled in; select the scopes, log in, and press Allow.
3. Call *GET /userinfo*. The same `client_id` works on the docs pages of the protected resources: {resources}.
"""

_ADMINISTERED = ("people", "connections", "access", "clients", "stops", "definitions", "journal")


class DescribedApp(DirectApp):
    """An app with a hand-written OpenAPI document: FastAPI does not know its routes.

    Attributes:
        document: the OpenAPI document that it serves.
    """

    document: dict[str, Any]

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        return self.document


def openapi_document(
    settings: AuthSettings, endpoints: Iterable[Endpoint], scopes: dict[str, str]
) -> dict[str, Any]:
    """Return the whole document (OpenAPI 3.1)."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Doorward authorization server",
            "version": VERSION,
            "description": _description(settings),
        },
        "servers": [{"url": settings.issuer}],
        "tags": [
            {"name": "Clients", "description": "Registration, RFC 7591 and RFC 7592."},
            {"name": "OAuth", "description": "OAuth 2.1."},
            {"name": "OpenID", "description": "OpenID Connect."},
            {"name": "Discovery", "description": "Metadata documents and keys."},
            {"name": "Administration", "description": "The admin API: see docs/reference/admin-api.md."},
            *({"name": f"Administration: {what}"} for what in _ADMINISTERED),
            {"name": "Pages", "description": "Pages for people."},
            {"name": "Operation"},
        ],
        "paths": openapi_paths(endpoints),
        "components": {"securitySchemes": _security_schemes(settings.issuer, scopes)},
    }


def _description(settings: AuthSettings) -> str:
    resources = ", ".join(f"[{r.name}]({_docs_page(r.resource)})" for r in settings.resources)
    return _DESCRIPTION.format(issuer=settings.issuer, resources=resources)


def _docs_page(resource: str) -> str:
    """Return the URL of a resource service's docs page, next to its MCP endpoint."""
    return urljoin(resource.removesuffix("/"), "docs")


def _security_schemes(issuer: str, scopes: dict[str, str]) -> dict[str, Any]:
    code_flow = {"authorizationUrl": f"{issuer}/authorize", "tokenUrl": f"{issuer}/token", "scopes": scopes}
    admin_flow = {"tokenUrl": f"{issuer}/token", "scopes": {SCOPE: DESCRIPTION}}
    return {
        "oauth": {
            "type": "oauth2",
            "description": "Log in and give consent as the client that you name.",
            "flows": {"authorizationCode": {**code_flow, "refreshUrl": f"{issuer}/token"}},
        },
        "client": {
            "type": "http",
            "scheme": "basic",
            "description": "The id and the secret of a confidential client or a resource server.",
        },
        "registration": {
            "type": "http",
            "scheme": "bearer",
            "description": "The `registration_access_token` of the client.",
        },
        "admin": {
            "type": "oauth2",
            "description": "An administrator, through a client that the operator created for it; or that"
            " client for itself. The resource is the URL of the admin API.",
            "flows": {
                "authorizationCode": {"authorizationUrl": f"{issuer}/authorize", **admin_flow},
                "clientCredentials": admin_flow,
            },
        },
    }


def registration_example(settings: AuthSettings) -> dict[str, Any]:
    """Return a registration that works unchanged from the docs pages of both services."""
    pages = [f"{settings.issuer}/docs", *(_docs_page(resource.resource) for resource in settings.resources)]
    return {
        "client_name": "My client",
        "redirect_uris": ["http://localhost:8080/callback", *(f"{page}/oauth2-redirect" for page in pages)],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    }
