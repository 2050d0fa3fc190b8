"""The OpenAPI description of `/revocations`."""

from __future__ import annotations

from auth_service.protocol.set_polling import MAX_EVENTS
from auth_service.web.route import answer, error

OPERATION = {
    "summary": "Poll for revoked grants",
    "description": "RFC 8936: Security Event Tokens (RFC 8417) by long polling, for a resource server that"
    " caches introspection responses. Acknowledge the events of the last response; without `ack` it starts"
    " now. About once a second, a verification event shows that the stream works. If events were missed,"
    " the response is 409: discard every cached response and start again. `doorward_stops` lists what the"
    " operator has stopped, `doorward_disconnected` the credentials of connected accounts that have ended in"
    " the last two minutes, null if they are too many to name. `doorward_definitions` is the version of the"
    " definitions that administrators have approved, which the response of `/definitions` lists.",
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
                            "description": "The `jti` of the events in the last response.",
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
                            "description": "Unprocessable events: `jti` to `err`, `description`.",
                        },
                    },
                },
                "example": {"ack": [], "maxEvents": 100, "returnImmediately": False},
            }
        },
    },
    "responses": {
        "200": answer(
            "Events, the oldest first.",
            {
                "sets": {"nZ0v1Xb9pL2yR4sTq6uWxA": "eyJ…"},
                "moreAvailable": False,
                "doorward_stops": [],
                "doorward_disconnected": [],
                "doorward_definitions": "4Gk0mT8sQy1pWz6c",
            },
        ),
        "400": error("The body is not a valid poll.", "invalid_request", "the body must be JSON"),
        "401": error("The caller did not authenticate.", "invalid_client", "the client secret is wrong"),
        "403": error(
            "The caller is a client.",
            "unauthorized_client",
            "only configured resource servers receive revocations",
        ),
        "409": error(
            "Events may have been missed.",
            "unknown_position",
            "none of these events is stored any longer; start again",
        ),
    },
}
