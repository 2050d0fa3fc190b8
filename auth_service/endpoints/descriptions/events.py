"""The OpenAPI description of `/events`."""

from __future__ import annotations

from auth_service.web.route import answer, error
from shared.call_events import MAX_EVENTS, TYPE

OPERATION = {
    "summary": "Report calls of tools",
    "description": "For configured resource servers: how often tools were called under which grants, in"
    " batches. A batch that is sent again counts once. Events about grants for other resources are"
    " ignored. The account page shows people the sums of seven days.",
    "tags": ["OAuth"],
    "security": [{"client": []}],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["batch", "events"],
                    "properties": {
                        "batch": {"type": "string", "description": "A new random id for each batch."},
                        "gap": {"type": "integer", "description": "Calls that were not counted."},
                        "events": {
                            "type": "array",
                            "items": {"type": "object"},
                            "maxItems": MAX_EVENTS,
                            "description": f"Of type `{TYPE}`: `time`, `grant_id`, `resource`, `tool`,"
                            " `outcome` (`allowed` or `refused`), `count`.",
                        },
                    },
                },
                "example": {"batch": "Zk3vD0yq2mT1uS8xWb7pRg", "gap": 0, "events": []},
            }
        },
    },
    "responses": {
        "200": answer("How many events were accepted.", {"accepted": 0}),
        "400": error("The body is not a batch.", "invalid_request", "the body must be a batch of events"),
        "401": error("The caller did not authenticate.", "invalid_client", "the client secret is wrong"),
        "403": error(
            "The caller is a client.",
            "unauthorized_client",
            "only a configured resource server reports events",
        ),
    },
}
