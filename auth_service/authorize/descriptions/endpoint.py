"""The OpenAPI description of `/authorize`."""

from __future__ import annotations

from auth_service.web.route import text


def _parameter(name: str, description: str, *, required: bool = False) -> dict[str, object]:
    return {"name": name, "in": "query", "required": required, "schema": text(description)}


OPERATION = {
    "summary": "Authorize a client (opened in a browser)",
    "description": "OAuth 2.1 §4.1.1, RFC 7636, RFC 8707, RFC 9207. Shows the login and consent pages, then"
    " redirects to the client with `code`, `state`, `iss`. POST accepts a form."
    " Use *Authorize* above to try it from this page.",
    "tags": ["OAuth"],
    "parameters": [
        _parameter("response_type", "`code`", required=True),
        _parameter("client_id", "The registered client.", required=True),
        _parameter("redirect_uri", "A registered redirect URI; optional if it has only one."),
        _parameter("scope", "Space-separated; defaults to the default scopes of the resource."),
        _parameter("state", "Returned unchanged."),
        _parameter("code_challenge", "BASE64URL(SHA256(code_verifier))", required=True),
        _parameter("code_challenge_method", "`S256`", required=True),
        _parameter("resource", "The MCP URL; optional if there is only one."),
        _parameter("nonce", "Returned in the ID token."),
        _parameter("prompt", "`none`, `login`, `consent`, `select_account`"),
        _parameter("max_age", "Maximum age of the login, in seconds."),
        _parameter("response_mode", "`query` or `form_post`"),
        _parameter("request", "The whole request, as a JWT signed by the client (RFC 9101)."),
        _parameter("request_uri", "The `request_uri` of a pushed request (RFC 9126)."),
    ],
    "responses": {
        "303": {"description": "To the login or consent page, or back to the client."},
        "400": {
            "description": "An error page. If client and redirect URI are valid, the user can return to"
            " the application with the error."
        },
    },
}
