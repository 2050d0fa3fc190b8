"""Misconfigurations of the MCP server for requests without a token."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tests.doctor.misconfiguration import (
    FAILURE,
    RESOURCE_METADATA,
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


def bad_token_is_forbidden(pair: Pair) -> None:
    """403 instead of 401 for a token that is not good."""

    def forbid(request: Request, response: Response) -> None:
        if "authorization" in request.headers:
            response.status_code = 403

    pair.http.changes.append(forbid)


def bad_token_is_challenged_like_none(pair: Pair) -> None:
    """The challenge without an error, whatever token came."""

    def leave_out(_request: Request, response: Response) -> None:
        if value := response.headers.get("www-authenticate"):
            response.headers["www-authenticate"] = value.replace('error="invalid_token", ', "")

    changing(pair, "/mcp", leave_out)


def takes_no_other_host(pair: Pair) -> None:
    """As the Python SDK answers a name that is not among its allowed hosts."""
    for path in ("/mcp", "/mcp/"):
        answering(pair, "mcp", path, Response("Invalid Host header", status_code=421), "POST")


SEEDED = (
    Misconfiguration(
        "the MCP server expects another host name",
        "host",
        FAILURE,
        "Add the host name to the allowed hosts of the MCP server, or configure the proxy to send a Host "
        "header that the server accepts.",
        takes_no_other_host,
        also=frozenset({"challenge-post"}),
    ),
    Misconfiguration(
        "the MCP server asks for no token",
        "challenge-post",
        FAILURE,
        "Answer every request without a token with 401, before checking anything else.",
        lambda pair: setattr(pair.mcp, "protected", False),
    ),
    Misconfiguration(
        "GET without a token is not allowed at all",
        "challenge-get",
        WARNING,
        "Answer GET without a token with the same 401 and WWW-Authenticate header as POST.",
        lambda pair: answering(pair, "mcp", "/mcp", Response(status_code=405), "GET"),
    ),
    Misconfiguration(
        "HEAD is not known",
        "challenge-head",
        WARNING,
        "Answer HEAD without a token with the same 401 and WWW-Authenticate header as POST.",
        lambda pair: answering(pair, "mcp", "/mcp", Response(status_code=404), "HEAD"),
    ),
    Misconfiguration(
        "a proxy takes WWW-Authenticate off",
        "challenge-bearer",
        FAILURE,
        'Send WWW-Authenticate: Bearer resource_metadata="…", with commas between the parameters, and '
        "make sure that no proxy removes it.",
        lambda pair: without_header(pair, "www-authenticate", "/mcp", "/mcp/"),
        also=frozenset({"challenge-invalid-token"}),
    ),
    Misconfiguration(
        "the challenge is of another scheme",
        "challenge-bearer",
        FAILURE,
        'Send WWW-Authenticate: Bearer resource_metadata="…", with commas between the parameters, and '
        "make sure that no proxy removes it.",
        lambda pair: with_header(pair, "www-authenticate", 'Basic realm="mcp"', "/mcp"),
        also=frozenset({"challenge-invalid-token"}),
    ),
    Misconfiguration(
        "the challenge lacks its commas",
        "challenge-bearer",
        FAILURE,
        'Send WWW-Authenticate: Bearer resource_metadata="…", with commas between the parameters, and '
        "make sure that no proxy removes it.",
        lambda pair: with_header(pair, "www-authenticate", 'Bearer error="invalid_token" scope="a"', "/mcp"),
        also=frozenset({"challenge-invalid-token"}),
    ),
    Misconfiguration(
        "the challenge does not say where the metadata is",
        "challenge-resource-metadata",
        FAILURE,
        'Add resource_metadata="URL" to the Bearer challenge, with the public URL of the protected '
        "resource metadata.",
        lambda pair: pair.mcp.challenge.update(resource_metadata=""),
    ),
    Misconfiguration(
        "the challenge has a relative URL",
        "challenge-resource-metadata",
        FAILURE,
        'Add resource_metadata="URL" to the Bearer challenge, with the public URL of the protected '
        "resource metadata.",
        lambda pair: pair.mcp.challenge.update(resource_metadata=RESOURCE_METADATA),
    ),
    Misconfiguration(
        "the challenge leads nowhere",
        "challenge-resource-metadata",
        FAILURE,
        'Add resource_metadata="URL" to the Bearer challenge, with the public URL of the protected '
        "resource metadata.",
        lambda pair: pair.mcp.challenge.update(resource_metadata=f"{pair.mcp_origin}/metadata"),
    ),
    Misconfiguration(
        "the challenge names no scopes",
        "challenge-scope",
        WARNING,
        'Add scope="…" to the Bearer challenge, with the scopes of an ordinary session.',
        lambda pair: pair.mcp.challenge.update(scope=""),
    ),
    Misconfiguration(
        "a bad token is answered with 403",
        "challenge-invalid-token",
        FAILURE,
        'Answer an invalid token with 401 and error="invalid_token" in the Bearer challenge.',
        bad_token_is_forbidden,
    ),
    Misconfiguration(
        "a bad token is answered like none",
        "challenge-invalid-token",
        WARNING,
        'Answer an invalid token with 401 and error="invalid_token" in the Bearer challenge.',
        bad_token_is_challenged_like_none,
    ),
    Misconfiguration(
        "the framework redirects to put a slash on",
        "redirect",
        FAILURE,
        "Serve the MCP endpoint at exactly the URL that people paste. Disable slash redirects in the "
        "framework, and configure its public https URL.",
        lambda pair: pair.replace("mcp", "POST", "/mcp", redirecting("/mcp/")),
    ),
    Misconfiguration(
        "only the one spelling of the path is served",
        "trailing-slash",
        WARNING,
        "Serve the MCP endpoint with and without the trailing slash, without redirects.",
        lambda pair: nothing_at(pair, "mcp", "/mcp/"),
    ),
    Misconfiguration(
        "the other spelling redirects",
        "trailing-slash",
        WARNING,
        "Serve the MCP endpoint with and without the trailing slash, without redirects.",
        lambda pair: pair.replace("mcp", "POST", "/mcp/", redirecting("/mcp")),
    ),
    Misconfiguration(
        "the clocks are an hour ahead",
        "clock",
        WARNING,
        "Synchronize the clock of that machine with NTP.",
        lambda pair: setattr(pair.http, "clock_offset_s", 3600),
    ),
)
