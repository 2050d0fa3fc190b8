"""The OpenAPI description of `/backchannel-logout/{provider}`."""

from __future__ import annotations

from auth_service.web.route import Operation, answer, error, form, text

OPERATION: Operation = {
    "summary": "Receive a logout token (from an identity provider)",
    "description": "OpenID Connect Back-Channel Logout 1.0. Ends the sessions that were started through the"
    " provider, with their grants: the session that `sid` names, otherwise all sessions of the person.",
    "tags": ["OpenID Connect"],
    "parameters": [
        {
            "name": "provider",
            "in": "path",
            "required": True,
            "schema": text("The `id` of an identity provider."),
        }
    ],
    "requestBody": form({"logout_token": text("Signed by the provider.")}, ("logout_token",), {}),
    "responses": {
        "200": answer("The sessions have ended, or there were none."),
        "400": error("The token is not valid.", "invalid_request", "the logout token is not valid"),
    },
}
