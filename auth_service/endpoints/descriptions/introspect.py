"""The OpenAPI description of `/introspect`."""

from __future__ import annotations

from auth_service.web.route import CLIENT_PARAMETERS, answer, error, form, text

OPERATION = {
    "summary": "Introspect a token",
    "description": "RFC 7662. A resource server can introspect tokens for its resources, a confidential"
    ' client its own tokens. For all other tokens the response is `{"active": false}`.'
    " The response is signed with `Accept: application/token-introspection+jwt` (RFC 9701).",
    "tags": ["OAuth"],
    "security": [{"client": []}],
    "requestBody": form(
        {
            "token": text("The token."),
            "token_type_hint": text("Ignored: the token contains its type."),
            "groups": text(
                "`true` adds the groups of the user, as `groups`: the groups that access rules name for "
                "the resource. Ignored unless the caller is the resource server of the token."
            ),
            "software": text(
                "`true` adds the names of the client's software, as `software`: its `software_id` and name,"
                " or the URL of its metadata document. Ignored unless the caller is the resource server of"
                " the token."
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
