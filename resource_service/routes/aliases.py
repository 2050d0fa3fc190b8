"""Endpoints that clients of the 2025-03-26 revision of MCP expect at the MCP server's origin (RS-10).

That revision had no protected resource metadata: its clients treat the MCP server as the authorization server
and use its ``/authorize``, ``/token``, ``/register`` and RFC 8414 metadata. A browser is redirected. The
other two are forwarded, because clients do not follow redirects of a POST. Only these fixed addresses are
ever called, with a limited body and a few headers in each direction, so that this is not an open proxy.
"""

from __future__ import annotations

from typing import Any

import httpx2
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.types import Scope

from resource_service.authorization_server_client import request_id_of
from resource_service.errors import body_too_large, cannot_ask
from resource_service.reasons import Reason
from resource_service.routes import alias_documentation
from resource_service.routes.http_resources import REFUSALS
from resource_service.settings import ResourceSettings
from shared.asgi import BodyTooLargeError, header_values, read_body
from shared.clock import Clock
from shared.http_exchange import Answer, NoAnswerError, exchange
from shared.json_text import parse_json
from shared.logs import get_logger
from shared.well_known import AUTHORIZATION_SERVER

_log = get_logger(__name__)

METADATA_KEPT_S = 60
MAX_BYTES = 65_536
PASSED_ON = ("content-type", "authorization", "accept", "user-agent", "dpop")
PASSED_BACK = ("content-type", "cache-control", "pragma", "www-authenticate", "retry-after", "dpop-nonce")


Headers = list[tuple[str, str]]
"""Bytes beyond ASCII are in values as characters of Latin-1, as in `header_values`."""


class AuthorizationServer:
    """Client for the authorization server.

    Args:
        timeout_s: for one exchange.
    """

    def __init__(self, http: httpx2.AsyncClient, settings: ResourceSettings, clock: Clock) -> None:
        self._http = http
        self._base = settings.authorization_server_url
        self._issuer = settings.issuer
        self._timeout_s = settings.introspection_timeout_s
        self._clock = clock
        self._kept: tuple[float, bytes] | None = None

    async def pass_on(self, path: str, scope: Scope, body: bytes) -> Answer:
        """Forward a POST to `path` and return the response.

        Raises:
            Refusal: there is no response, or it exceeds the limits.
        """
        # Duplicate headers are forwarded as duplicates: the authorization server decides what to do with
        # them.
        headers = [(name, value) for name in PASSED_ON for value in header_values(scope, name)]
        return await self._exchange("POST", path, [*headers, *_forwarded(scope)], body)

    async def metadata(self) -> bytes:
        """Return the RFC 8414 document unchanged, at most `METADATA_KEPT_S` old.

        Raises:
            Refusal: the document is unavailable, or another issuer's.
        """
        now = self._clock()
        if self._kept is None or not 0 <= now - self._kept[0] < METADATA_KEPT_S:
            answer = await self._exchange("GET", AUTHORIZATION_SERVER, [("accept", "application/json")], b"")
            self._kept = (now, self._checked(answer))
        return self._kept[1]

    async def _exchange(self, method: str, path: str, headers: Headers, body: bytes) -> Answer:
        fields = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]
        request = self._http.build_request(method, f"{self._base}{path}", headers=fields, content=body)
        try:
            return await exchange(self._http, request, timeout_s=self._timeout_s, max_bytes=MAX_BYTES)
        except NoAnswerError as error:
            raise cannot_ask(Reason.AUTHORIZATION_SERVER_UNREACHABLE, f"{path}: {error}") from error

    def _checked(self, answer: Answer) -> bytes:
        try:
            document: Any = parse_json(answer.body) if answer.status == 200 else {"issuer": None}
            issuer = document["issuer"]
        except (ValueError, TypeError, KeyError) as error:
            raise cannot_ask(
                Reason.AUTHORIZATION_SERVER_MISMATCH, f"{AUTHORIZATION_SERVER}: not a metadata document"
            ) from error
        if issuer != self._issuer:
            raise cannot_ask(
                Reason.AUTHORIZATION_SERVER_MISMATCH,
                f"{AUTHORIZATION_SERVER}: status {answer.status}, issuer {issuer!r}",
            )
        return answer.body


def alias_routes(server: AuthorizationServer, settings: ResourceSettings) -> APIRouter:
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


async def _forwarded_post(server: AuthorizationServer, path: str, request: Request) -> Response:
    try:
        body = await read_body(request.scope, request.receive, max_body_bytes=MAX_BYTES)
    except BodyTooLargeError as error:
        raise body_too_large(MAX_BYTES) from error
    answer = await server.pass_on(path, request.scope, body)
    if answer.status >= 400:
        _log.info(
            "refused",
            reason="the authorization server, which it was passed on to, refuses it",
            reason_code=Reason.ALIAS_REFUSED.code,
            status=answer.status,
            method="POST",
            path=request.scope["path"],
            asked_request_id=request_id_of(answer),
        )
    headers = {name: answer.headers[name] for name in PASSED_BACK if name in answer.headers}
    return Response(answer.body, answer.status, headers)


def _forwarded(scope: Scope) -> Headers:
    """Return headers with the client's address, so that rate limits apply to clients, not to this service.

    This requires that the authorization server trusts this service. The header that the proxy in front wrote
    is used: the other one would name the proxy instead of the client.
    """
    peer = [scope["client"][0]] if scope.get("client") else []
    older, standard = header_values(scope, "x-forwarded-for"), header_values(scope, "forwarded")
    headers: Headers = []
    if (older or not standard) and (hops := [*older, *peer]):
        headers.append(("x-forwarded-for", ", ".join(hops)))
    if standard:
        # RFC 7239 §6: an IPv6 address is in brackets, and then quoted.
        nodes = (f'for="[{host}]"' if ":" in host else f"for={host}" for host in peer)
        # On a line of its own: an unclosed quote of the client must not swallow it.
        headers += [("forwarded", line) for line in (*standard, *nodes)]
    return headers
