"""The OpenAPI description of `/register/{client_id}`."""

from __future__ import annotations

from typing import Any

from auth_service.endpoints.descriptions.register import EXAMPLE_ANSWER
from auth_service.web.route import answer, error, text


def _operation(summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": summary,
        "description": "RFC 7592, with the registration access token as the bearer token.",
        "tags": ["Clients"],
        "security": [{"registration": []}],
        "parameters": [
            {
                "name": "client_id",
                "in": "path",
                "required": True,
                "schema": text("The client, as registered."),
            }
        ],
        "responses": {**responses, "401": _NOT_ITS_TOKEN, "403": _DISABLED},
    }


_DISABLED = error(
    "An administrator has disabled the client.",
    "unauthorized_client",
    "an administrator of this server has disabled this client",
)
_NOT_ITS_TOKEN = error(
    "The registration access token is not valid.",
    "invalid_token",
    "the registration access token is not valid for this client",
)

READ = _operation("Read a registration", {"200": answer("The registered metadata.", EXAMPLE_ANSWER)})

REPLACE = _operation(
    "Replace a registration",
    {
        "200": answer("The new metadata.", EXAMPLE_ANSWER),
        "400": error(
            "The metadata cannot be registered.",
            "invalid_client_metadata",
            "client_id does not match this registration",
        ),
        "429": error(
            "Too many requests from one network.",
            "temporarily_unavailable",
            "too many attempts from your network; try again later",
        ),
    },
)

REMOVE = _operation("Delete a client and its grants", {"204": answer("The client was deleted.")})
