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
        "responses": {**responses, "401": _NOT_ITS_TOKEN},
    }


_NOT_ITS_TOKEN = error(
    "Not this client's token.", "invalid_token", "the registration access token is not valid for this client"
)

READ = _operation("Read a registration", {"200": answer("The client as it is registered.", EXAMPLE_ANSWER)})

REPLACE = _operation(
    "Replace a registration",
    {
        "200": answer("The client as it is now.", EXAMPLE_ANSWER),
        "400": error(
            "The metadata cannot be registered.",
            "invalid_client_metadata",
            "client_id is not the one of this registration",
        ),
        "429": error("Too many from one network.", "temporarily_unavailable", "too many attempts"),
    },
)

REMOVE = _operation("Delete a client and everything it was granted", {"204": answer("It is gone.")})
