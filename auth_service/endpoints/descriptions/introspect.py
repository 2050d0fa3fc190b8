"""The OpenAPI description of `/introspect`."""

from __future__ import annotations

from auth_service.web.route import CLIENT_PARAMETERS, answer, error, form, text

OPERATION = {
    "summary": "Introspect a token",
    "description": "RFC 7662. For a resource server about tokens for its own resources, for a confidential"
    ' client about its own tokens. About anything else the answer is `{"active": false}`.'
    " Signed with `Accept: application/token-introspection+jwt` (RFC 9701).",
    "tags": ["OAuth"],
    "security": [{"client": []}],
    "requestBody": form(
        {
            "token": text("The token."),
            "token_type_hint": text("Ignored: the token itself says what it is."),
            "groups": text(
                "`true` for the groups of the user, in the member `groups`: those that access rules name for "
                "the resource. Only for its resource server; ignored otherwise."
            ),
            **CLIENT_PARAMETERS,
        },
        ("token",),
        {"access token": {"token": "dw_at_…"}},
    ),
    "responses": {
        "200": answer(
            "The state of the token.",
            {
                "active": True,
                "scope": "notes:read",
                "client_id": "…",
                "username": "wesen",
                "token_type": "Bearer",
                "exp": 1_790_000_600,
                "iat": 1_790_000_000,
                "sub": "…",
                "aud": "http://localhost:9001/mcp",
                "iss": "http://localhost:9000",
            },
        ),
        "401": error("The caller did not authenticate.", "invalid_client", "the client secret is wrong"),
        "429": error(
            "Too many assertions; `Retry-After` says when to try again.",
            "temporarily_unavailable",
            "too many signed proofs; try again later",
        ),
    },
}
