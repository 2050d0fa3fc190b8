"""The OpenAPI description of `/revocations`."""

from __future__ import annotations

from auth_service.protocol.set_polling import MAX_EVENTS
from auth_service.web.route import answer, error

OPERATION = {
    "summary": "Wait for notice of revoked grants",
    "description": "RFC 8936: Security Event Tokens (RFC 8417) by long polling, for a resource server that"
    " keeps introspection answers. Acknowledge what the last answer held; without `ack` the stream begins"
    " now. About once a second a verification event says that all is well. Where events may have been missed"
    " the answer is 409: discard every cached answer and start again.",
    "tags": ["OAuth"],
    "security": [{"client": []}],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "ack": {
                            "type": "array",
                            "items": {"type": "string"},
                            "description": "The `jti` of the events in the last answer.",
                        },
                        "maxEvents": {
                            "type": "integer",
                            "minimum": 0,
                            "description": f"Maximum number of events; {MAX_EVENTS} by default.",
                        },
                        "returnImmediately": {
                            "type": "boolean",
                            "description": "Respond at once if there are no events.",
                        },
                        "setErrs": {
                            "type": "object",
                            "description": "Events that could not be taken: `jti` to `err`, `description`.",
                        },
                    },
                },
                "example": {"ack": [], "maxEvents": 100, "returnImmediately": False},
            }
        },
    },
    "responses": {
        "200": answer(
            "Events, the oldest first.", {"sets": {"nZ0v1Xb9pL2yR4sTq6uWxA": "eyJ…"}, "moreAvailable": False}
        ),
        "400": error("The body is not a valid poll.", "invalid_request", "the body must be JSON"),
        "401": error("The caller did not authenticate.", "invalid_client", "the client secret is wrong"),
        "403": error(
            "The caller is a client.",
            "unauthorized_client",
            "only a configured resource server receives revocations",
        ),
        "409": error(
            "Events may have been missed.",
            "unknown_position",
            "none of these events is kept here any longer; start again",
        ),
    },
}
