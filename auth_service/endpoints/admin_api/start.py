"""/admin/api: who calls; and the metadata of the API as a protected resource (RFC 9728)."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from auth_service.endpoints.admin_api.descriptions.start import METADATA, WHO
from auth_service.endpoints.admin_api.requests import AdminRequest
from auth_service.endpoints.admin_api.routing import AdminOperation, AdminRouting
from auth_service.protocol.admin_access import NAME, SCOPE, admin_resource_of
from auth_service.web.http import json_response
from auth_service.web.public_documents import PublicDocument
from auth_service.web.route import Endpoint
from shared.asgi import CorsPolicy
from shared.well_known import PROTECTED_RESOURCE

_MAX_AGE_S = 3_600


def start_endpoint(routing: AdminRouting) -> Endpoint:
    """Return the endpoint that tells a program for whom it acts."""
    return routing.endpoint("", {"GET": AdminOperation(perform=_who, description=WHO)})


async def _who(admin: AdminRequest) -> Response:
    user = admin.caller.user
    person = {"username": user.username, "subject": user.subject} if user else {}
    since = admin.caller.authenticated_at
    return json_response({"client_id": admin.caller.client_id, **person, "authenticated_at": since})


def metadata_url(issuer: str) -> str:
    """Return the URL of the metadata of the API (RFC 9728 §3.1)."""
    parts = urlsplit(admin_resource_of(issuer))
    return f"{parts.scheme}://{parts.netloc}{PROTECTED_RESOURCE}{parts.path}"


def metadata_endpoint(issuer: str) -> Endpoint:
    """Serve the metadata by which a client finds the authorization server and the scope."""
    document = PublicDocument(
        {
            "resource": admin_resource_of(issuer),
            "authorization_servers": [issuer],
            "scopes_supported": [SCOPE],
            "bearer_methods_supported": ["header"],
            "resource_name": NAME,
        },
        max_age_s=_MAX_AGE_S,
    )

    async def serve(request: Request) -> Response:
        return document.response(request.scope)

    return Endpoint(
        path=urlsplit(metadata_url(issuer)).path,
        handler=serve,
        methods=("GET", "HEAD"),
        operations={"GET": METADATA},
        cors=CorsPolicy(("GET", "HEAD")),
    )
