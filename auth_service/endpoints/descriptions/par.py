"""The OpenAPI description of `/par`."""

from __future__ import annotations

from auth_service.authorize.requests import PUSHED_TTL_S
from auth_service.web.route import CLIENT_PARAMETERS, CLIENT_SECURITY, answer, error, form, text

OPERATION = {
    "summary": "Push an authorization request",
    "description": "RFC 9126. Accepts the parameters of /authorize or a signed `request` (RFC 9101) from the"
    " client itself; the browser then only carries `client_id` and `request_uri`.",
    "tags": ["OAuth"],
    "security": CLIENT_SECURITY,
    "requestBody": form(
        {
            "response_type": text("`code`"),
            "redirect_uri": text("A registered redirect URI."),
            "code_challenge": text("BASE64URL(SHA256(code_verifier))"),
            "code_challenge_method": text("`S256`"),
            "request": text("The whole request, as a JWT signed by the client."),
            **CLIENT_PARAMETERS,
        },
        (),
        {
            "public client": {
                "client_id": "…",
                "response_type": "code",
                "redirect_uri": "http://localhost:8080/callback",
                "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
                "code_challenge_method": "S256",
            }
        },
    ),
    "responses": {
        "201": answer(
            "The `request_uri` for /authorize.",
            {"request_uri": "urn:ietf:params:oauth:request_uri:…", "expires_in": PUSHED_TTL_S},
        ),
        "400": error("Refused.", "invalid_request", "code_challenge is missing: PKCE with S256 is required"),
        "429": error(
            "Too many requests from one network.",
            "temporarily_unavailable",
            "too many attempts from your network; try again later",
        ),
        "401": error(
            "The client is unknown or did not authenticate.", "invalid_client", "the client secret is wrong"
        ),
    },
}
