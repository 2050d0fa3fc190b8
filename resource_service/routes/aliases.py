"""Endpoints that clients of the 2025-03-26 revision of MCP expect at the MCP server's origin (RS-10).

That revision had no protected resource metadata: its clients treat the MCP server as the authorization server
and use its ``/authorize``, ``/token``, ``/register`` and RFC 8414 metadata. A browser is redirected. The
other two are forwarded, because clients do not follow redirects of a POST. Only these fixed addresses are
ever called, with a limited body and a few headers in each direction, so that this is not an open proxy.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from resource_service.authorization_server_client import (
    MAX_BYTES,
    METADATA_KEPT_S,
    AuthorizationServerClient,
    request_id_of,
)
from resource_service.errors import body_too_large
from resource_service.reasons import Reason
from resource_service.routes import alias_documentation
from resource_service.routes.http_resources import REFUSALS
from resource_service.settings import ResourceSettings
from shared.asgi import BodyTooLargeError, read_body
from shared.logs import get_logger
from shared.well_known import AUTHORIZATION_SERVER

_log = get_logger(__name__)

PASSED_BACK = ("content-type", "cache-control", "pragma", "www-authenticate", "retry-after", "dpop-nonce")


def alias_routes(server: AuthorizationServerClient, settings: ResourceSettings) -> APIRouter:
    """Create the routes of the 2025-03-26 revision."""
    router = APIRouter(tags=["aliases"])
    authorization_endpoint = f"{settings.issuer}/authorize"
    unavailable: dict[int | str, Any] = {503: REFUSALS[503]}

    @router.api_route("/authorize", methods=["GET", "POST"], include_in_schema=False)
    async def authorize(request: Request) -> RedirectResponse:
        query = request.url.query
        # 307 keeps a POST a POST, with its body.
        return RedirectResponse(f"{authorization_endpoint}?{query}" if query else authorization_endpoint, 307)

    @router.post(
        "/token",
        summary="Token endpoint (alias)",
        openapi_extra=alias_documentation.TOKEN,
        responses=unavailable,
    )
    async def token(request: Request) -> Response:
        """Passes on to the token endpoint of the authorization server, for clients that look for it here."""
        return await _forwarded_post(server, "/token", request)

    @router.post(
        "/register",
        status_code=201,
        summary="Registration (alias)",
        openapi_extra=alias_documentation.register(f"{settings.base_url}/docs/oauth2-redirect"),
        responses=unavailable,
    )
    async def register(request: Request) -> Response:
        """Passes on to the registration endpoint, for clients that look for it here."""
        return await _forwarded_post(server, "/register", request)

    async def metadata() -> Response:
        """The metadata of the authorization server (RFC 8414), as it is."""
        headers = {"Cache-Control": f"public, max-age={METADATA_KEPT_S}"}
        return Response(await server.metadata(), media_type="application/json", headers=headers)

    for path in dict.fromkeys((AUTHORIZATION_SERVER, f"{AUTHORIZATION_SERVER}{settings.path}")):
        for method in ("GET", "HEAD"):
            router.add_api_route(
                path,
                metadata,
                methods=[method],
                summary="Authorization server metadata (alias)",
                include_in_schema=(path, method) == (AUTHORIZATION_SERVER, "GET"),
                responses=unavailable,
            )
    return router


async def _forwarded_post(server: AuthorizationServerClient, path: str, request: Request) -> Response:
    try:
        body = await read_body(request.scope, request.receive, max_body_bytes=MAX_BYTES)
    except BodyTooLargeError as error:
        raise body_too_large(MAX_BYTES) from error
    answer = await server.pass_on(path, request.scope, body)
    if answer.status >= 400:
        _log.info(
            "refused",
            reason="the authorization server refused the forwarded request",
            reason_code=Reason.ALIAS_REFUSED.code,
            status=answer.status,
            method="POST",
            path=request.scope["path"],
            asked_request_id=request_id_of(answer),
        )
    headers = {name: answer.headers[name] for name in PASSED_BACK if name in answer.headers}
    return Response(answer.body, answer.status, headers)
