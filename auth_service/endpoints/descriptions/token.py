"""The OpenAPI description of `/token`."""

from __future__ import annotations

from auth_service.protocol.device import GRANT_TYPE as DEVICE_CODE
from auth_service.web.route import CLIENT_PARAMETERS, CLIENT_SECURITY, answer, error, form, text

OPERATION = {
    "summary": "Request tokens",
    "description": "RFC 6749 §3.2, RFC 7636, RFC 8707. A refresh token is replaced at each use. Used again"
    " within the grace period, it returns the same tokens; after that, it ends the grant, unless none of"
    " the returned tokens was used.",
    "tags": ["OAuth"],
    "security": CLIENT_SECURITY,
    "requestBody": form(
        {
            "grant_type": text(
                "The grant type.",
                examples=["authorization_code", "refresh_token", "client_credentials", DEVICE_CODE],
            ),
            "code": text("For `authorization_code`: the code from the redirect."),
            "redirect_uri": text("For `authorization_code`: as in the authorization request."),
            "code_verifier": text("For `authorization_code`: the PKCE code verifier."),
            "refresh_token": text("For `refresh_token`."),
            "device_code": text("For the device grant (RFC 8628)."),
            "scope": text("Space-separated; at most the granted scopes."),
            "resource": text("The resource the token is for (RFC 8707); optional."),
            **CLIENT_PARAMETERS,
        },
        ("grant_type",),
        {
            "authorization_code": {
                "grant_type": "authorization_code",
                "code": "dw_ac_…",
                "redirect_uri": "http://localhost:8080/callback",
                "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
                "client_id": "…",
            },
            "refresh_token": {"grant_type": "refresh_token", "refresh_token": "dw_rt_…", "client_id": "…"},
            "client_credentials": {"grant_type": "client_credentials", "scope": "notes:read"},
        },
    ),
    "responses": {
        "200": answer(
            "Tokens.",
            {
                "access_token": "dw_at_…",
                "token_type": "Bearer",
                "expires_in": 540,
                "scope": "notes:read notes:write",
                "refresh_token": "dw_rt_…",
            },
        ),
        "400": error("Refused.", "invalid_grant", "the code is not valid, or has expired"),
        "401": error(
            "The client is unknown or did not authenticate.", "invalid_client", "the client secret is wrong"
        ),
        "429": error(
            "Too many DPoP proofs or assertions; `Retry-After` says when to try again.",
            "temporarily_unavailable",
            "too many signed proofs; try again later",
        ),
    },
}
