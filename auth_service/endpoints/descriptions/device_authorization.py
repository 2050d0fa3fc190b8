"""The OpenAPI description of `/device_authorization`."""

from __future__ import annotations

from auth_service.protocol.device import INTERVAL_S, TTL_S
from auth_service.web.route import CLIENT_PARAMETERS, CLIENT_SECURITY, answer, error, form, text

OPERATION = {
    "summary": "Request access on a device without a browser",
    "description": "RFC 8628. Show the user code and the verification URI to the user, and poll /token.",
    "tags": ["OAuth"],
    "security": CLIENT_SECURITY,
    "requestBody": form(
        {
            "scope": text("Space-separated; defaults to the default scopes of the resource."),
            "resource": text("The MCP URL; optional if there is only one."),
            **CLIENT_PARAMETERS,
        },
        (),
        {"public client": {"client_id": "…", "scope": "notes:read"}},
    ),
    "responses": {
        "200": answer(
            "The device code and the user code.",
            {
                "device_code": "dw_dc_…",
                "user_code": "WDJB-MJHT",
                "verification_uri": "http://localhost:9000/device",
                "verification_uri_complete": "http://localhost:9000/device?user_code=WDJB-MJHT",
                "expires_in": TTL_S,
                "interval": INTERVAL_S,
            },
        ),
        "400": error("Refused.", "unauthorized_client", "this client did not register the device_code grant"),
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
