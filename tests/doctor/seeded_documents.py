"""Misconfigurations of documents, endpoints and CORS."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from tests.doctor.misconfiguration import (
    FAILURE,
    OPENID_METADATA,
    SERVER_METADATA,
    START_PAGE,
    WARNING,
    Misconfiguration,
    answering,
    changing,
    nothing_at,
    redirecting,
    with_header,
    without_header,
)
from tests.doctor.pair import Pair


def open_redirector(pair: Pair) -> None:
    """Anyone who asks is sent to wherever they say."""

    async def redirect(request: Request) -> Response:
        return RedirectResponse(request.query_params["redirect_uri"])

    pair.replace("auth", "GET", "/authorize", redirect)


def unknown_client_is_invalid_request(pair: Pair) -> None:
    """An OAuth error, but not the one that makes clients register again."""
    answering(pair, "auth", "/token", JSONResponse({"error": "invalid_request"}, 400), "POST")


def tells_that_it_ignores(_request: Request, response: Response) -> None:
    """As Doorward does behind a proxy that it does not trust."""
    response.headers["Doorward-Forwarded"] = "ignored"


SEEDED = (
    Misconfiguration(
        "a well-known place fails",
        "well-known-errors",
        FAILURE,
        "Fix the error, and answer well-known URLs that you do not serve with 404.",
        lambda pair: answering(pair, "auth", OPENID_METADATA, Response(status_code=502)),
    ),
    Misconfiguration(
        "a well-known place redirects",
        "well-known-redirects",
        WARNING,
        "Serve the document at the well-known URL itself.",
        lambda pair: pair.replace("auth", "*", OPENID_METADATA, redirecting(f"{pair.issuer}/elsewhere")),
    ),
    Misconfiguration(
        "an unknown path answers with the start page",
        "json",
        FAILURE,
        "Serve JSON objects as application/json at well-known URLs, and answer the others with 404.",
        lambda pair: answering(pair, "auth", OPENID_METADATA, START_PAGE),
    ),
    Misconfiguration(
        "a document is sent as plain text",
        "json",
        WARNING,
        "Serve JSON objects as application/json at well-known URLs, and answer the others with 404.",
        lambda pair: with_header(pair, "content-type", "text/plain", SERVER_METADATA),
    ),
    Misconfiguration(
        "a member is null",
        "nulls",
        FAILURE,
        "Omit members without a value.",
        lambda pair: pair.documents.server.update(service_documentation=None),
    ),
    Misconfiguration(
        "a URL is empty",
        "urls",
        FAILURE,
        "Use absolute URLs, and omit members without a value.",
        lambda pair: pair.documents.server.update(service_documentation=""),
    ),
    Misconfiguration(
        "scopes are one string",
        "mistyped",
        FAILURE,
        (
            "Use arrays of strings where the standard requires them (also for scopes_supported), and true "
            "without quotes."
        ),
        lambda pair: pair.documents.resource.update(scopes_supported="tools:read tools:write"),
    ),
    Misconfiguration(
        "true is sent as a string",
        "mistyped",
        FAILURE,
        (
            "Use arrays of strings where the standard requires them (also for scopes_supported), and true "
            "without quotes."
        ),
        lambda pair: pair.both_documents(client_id_metadata_document_supported="true"),
        also=frozenset({"registration-cimd"}),
    ),
    Misconfiguration(
        "an unknown client gets an error page",
        "unknown-client-token",
        FAILURE,
        "Answer an unknown client_id at the token endpoint with 401 and the error invalid_client in JSON.",
        lambda pair: answering(pair, "auth", "/token", HTMLResponse("no", 400), "POST"),
    ),
    Misconfiguration(
        "an unknown client is told invalid_request",
        "unknown-client-token",
        WARNING,
        "Answer an unknown client_id at the token endpoint with 401 and the error invalid_client in JSON.",
        unknown_client_is_invalid_request,
    ),
    Misconfiguration(
        "the authorization server does not trust the proxy in front of it",
        "forwarded",
        WARNING,
        "Set DOORWARD_TRUSTED_PROXIES of the authorization server to the network of the proxy, which the "
        "log of the server contains. Configure the proxy to write X-Forwarded-For or Forwarded and to "
        "remove the other.",
        lambda pair: changing(pair, "/token", tells_that_it_ignores),
    ),
    Misconfiguration(
        "an unknown redirect URI is followed",
        "unknown-client-authorize",
        FAILURE,
        "Show an error page if client_id or redirect_uri is unknown, and redirect only to registered URIs.",
        open_redirector,
    ),
    Misconfiguration(
        "the authorization endpoint fails",
        "unknown-client-authorize",
        FAILURE,
        "Show an error page if client_id or redirect_uri is unknown, and redirect only to registered URIs.",
        lambda pair: answering(pair, "auth", "/authorize", Response(status_code=500)),
    ),
    Misconfiguration(
        "OPTIONS needs a token",
        "cors-preflight",
        WARNING,
        "Answer OPTIONS at the MCP endpoint without requiring a token. Allow the origin, POST, and the "
        "headers Authorization, Content-Type, Mcp-Protocol-Version and Mcp-Session-Id.",
        lambda pair: answering(pair, "mcp", "/mcp", Response(status_code=401), "OPTIONS"),
    ),
    Misconfiguration(
        "pages may not send Authorization",
        "cors-preflight",
        WARNING,
        "Answer OPTIONS at the MCP endpoint without requiring a token. Allow the origin, POST, and the "
        "headers Authorization, Content-Type, Mcp-Protocol-Version and Mcp-Session-Id.",
        lambda pair: with_header(pair, "access-control-allow-headers", "*", "/mcp"),
    ),
    Misconfiguration(
        "pages may not read the challenge",
        "cors-challenge",
        WARNING,
        "Send Access-Control-Allow-Origin in every response of the MCP endpoint, including the 401, and "
        "list WWW-Authenticate and Mcp-Session-Id in Access-Control-Expose-Headers.",
        lambda pair: without_header(pair, "access-control-expose-headers", "/mcp"),
    ),
    Misconfiguration(
        "pages may not read the metadata",
        "cors-documents",
        WARNING,
        "Send Access-Control-Allow-Origin: * with the well-known documents.",
        lambda pair: without_header(pair, "access-control-allow-origin", SERVER_METADATA),
    ),
    Misconfiguration(
        "pages may not get tokens",
        "cors-endpoints",
        WARNING,
        "Answer OPTIONS at the token and registration endpoints. Allow any origin, POST, and the headers "
        "Authorization and Content-Type.",
        lambda pair: without_header(pair, "access-control-allow-origin", "/token"),
    ),
    Misconfiguration(
        "clients of 2025-03-26 find nothing",
        "legacy",
        WARNING,
        "Also serve the metadata of the authorization server at /.well-known/oauth-authorization-server "
        "on the origin of the MCP server.",
        lambda pair: nothing_at(pair, "mcp", SERVER_METADATA),
    ),
)
