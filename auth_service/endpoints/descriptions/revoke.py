"""The OpenAPI description of `/revoke`."""

from __future__ import annotations

from auth_service.web.route import CLIENT_PARAMETERS, CLIENT_SECURITY, error, form, text

OPERATION = {
    "summary": "Revoke a token",
    "description": "RFC 7009. Revoking an access or refresh token ends its grant immediately.",
    "tags": ["OAuth"],
    "security": CLIENT_SECURITY,
    "requestBody": form(
        {
            "token": text("An access token or a refresh token of this client."),
            "token_type_hint": text("Ignored: the token contains its type."),
            **CLIENT_PARAMETERS,
        },
        ("token",),
        {"public client": {"token": "dw_rt_…", "client_id": "…"}},
    ),
    "responses": {
        "200": {"description": "The token is revoked, or was not valid before."},
        "401": error(
            "The client is unknown or did not authenticate.", "invalid_client", "the client secret is wrong"
        ),
    },
}
