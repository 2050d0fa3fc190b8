"""What can be wrong with documents, endpoints and the answers to pages."""

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
        "Answer well-known places that you do not serve with 404, and mend what fails there.",
        lambda pair: answering(pair, "auth", OPENID_METADATA, Response(status_code=502)),
    ),
    Misconfiguration(
        "a well-known place redirects",
        "well-known-redirects",
        WARNING,
        "Serve the document at the well-known place itself instead of redirecting.",
        lambda pair: pair.replace("auth", "*", OPENID_METADATA, redirecting(f"{pair.issuer}/elsewhere")),
    ),
    Misconfiguration(
        "an unknown path answers with the start page",
        "json",
        FAILURE,
        "Serve a JSON object as application/json at well-known places, and 404 where there is none.",
        lambda pair: answering(pair, "auth", OPENID_METADATA, START_PAGE),
    ),
    Misconfiguration(
        "a document is sent as plain text",
        "json",
        WARNING,
        "Serve a JSON object as application/json at well-known places, and 404 where there is none.",
        lambda pair: with_header(pair, "content-type", "text/plain", SERVER_METADATA),
    ),
    Misconfiguration(
        "a member is null",
        "nulls",
        FAILURE,
        "Leave members without a value out instead of sending null.",
        lambda pair: pair.documents.server.update(service_documentation=None),
    ),
    Misconfiguration(
        "a URL is empty",
        "urls",
        FAILURE,
        "Send absolute URLs, and leave a member out rather than send an empty string.",
        lambda pair: pair.documents.server.update(service_documentation=""),
    ),
    Misconfiguration(
        "scopes are one string",
        "mistyped",
        FAILURE,
        "Send arrays of strings where the standard has them (scopes_supported too), and true without quotes.",
        lambda pair: pair.documents.resource.update(scopes_supported="tools:read tools:write"),
    ),
    Misconfiguration(
        "true is sent as a string",
        "mistyped",
        FAILURE,
        "Send arrays of strings where the standard has them (scopes_supported too), and true without quotes.",
        lambda pair: pair.both_documents(client_id_metadata_document_supported="true"),
        also=frozenset({"registration-cimd"}),
    ),
    Misconfiguration(
        "an unknown client gets an error page",
        "unknown-client-token",
        FAILURE,
        "Answer an unknown client_id at the token endpoint with 401 and the JSON error invalid_client.",
        lambda pair: answering(pair, "auth", "/token", HTMLResponse("no", 400), "POST"),
    ),
    Misconfiguration(
        "an unknown client is told invalid_request",
        "unknown-client-token",
        WARNING,
        "Answer an unknown client_id at the token endpoint with 401 and the JSON error invalid_client.",
        unknown_client_is_invalid_request,
    ),
    Misconfiguration(
        "the authorization server does not trust the proxy in front of it",
        "forwarded",
        WARNING,
        "Set DOORWARD_TRUSTED_PROXIES of the authorization server to the network of the proxy, which its log"
        " names, and let the proxy remove whichever of X-Forwarded-For and Forwarded it does not write.",
        lambda pair: changing(pair, "/token", tells_that_it_ignores),
    ),
    Misconfiguration(
        "an unknown redirect URI is followed",
        "unknown-client-authorize",
        FAILURE,
        "Show an error page when client_id or redirect_uri is not known, and redirect only to"
        " registered URIs.",
        open_redirector,
    ),
    Misconfiguration(
        "the authorization endpoint fails",
        "unknown-client-authorize",
        FAILURE,
        "Show an error page when client_id or redirect_uri is not known, and redirect only to"
        " registered URIs.",
        lambda pair: answering(pair, "auth", "/authorize", Response(status_code=500)),
    ),
    Misconfiguration(
        "OPTIONS needs a token",
        "cors-preflight",
        WARNING,
        "Answer OPTIONS at the MCP endpoint without a token, allowing the origin, POST, and the headers"
        " Authorization, Content-Type, Mcp-Protocol-Version and Mcp-Session-Id.",
        lambda pair: answering(pair, "mcp", "/mcp", Response(status_code=401), "OPTIONS"),
    ),
    Misconfiguration(
        "pages may not send Authorization",
        "cors-preflight",
        WARNING,
        "Answer OPTIONS at the MCP endpoint without a token, allowing the origin, POST, and the headers"
        " Authorization, Content-Type, Mcp-Protocol-Version and Mcp-Session-Id.",
        lambda pair: with_header(pair, "access-control-allow-headers", "*", "/mcp"),
    ),
    Misconfiguration(
        "pages may not read the challenge",
        "cors-challenge",
        WARNING,
        "Send Access-Control-Allow-Origin with every answer of the MCP endpoint, the 401 too, and"
        " expose WWW-Authenticate and Mcp-Session-Id in Access-Control-Expose-Headers.",
        lambda pair: without_header(pair, "access-control-expose-headers", "/mcp"),
    ),
    Misconfiguration(
        "pages may not read the metadata",
        "cors-documents",
        WARNING,
        "Send Access-Control-Allow-Origin: * with the documents at well-known places.",
        lambda pair: without_header(pair, "access-control-allow-origin", SERVER_METADATA),
    ),
    Misconfiguration(
        "pages may not get tokens",
        "cors-endpoints",
        WARNING,
        "Answer OPTIONS at the token and registration endpoints, allowing any origin, POST, and the"
        " headers Authorization and Content-Type.",
        lambda pair: without_header(pair, "access-control-allow-origin", "/token"),
    ),
    Misconfiguration(
        "clients of 2025-03-26 find nothing",
        "legacy",
        WARNING,
        "Serve the authorization server's metadata at /.well-known/oauth-authorization-server of the"
        " MCP server's origin as well.",
        lambda pair: nothing_at(pair, "mcp", SERVER_METADATA),
    ),
)
