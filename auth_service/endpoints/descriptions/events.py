"""The OpenAPI description of `/events`."""

from __future__ import annotations

from auth_service.web.route import answer, error
from shared.journal.delivery import MEDIA_TYPE

OPERATION = {
    "summary": "Deliver entries of the journal",
    "description": "For configured resource servers: consecutive entries of the chain of one of their"
    " processes, which record calls. The first line names the chain; before each write is an empty line."
    " Entries that are sent again are stored once. The account page shows people how often tools were"
    " called under grants for the resource server's own resources.",
    "tags": ["OAuth"],
    "security": [{"client": []}],
    "requestBody": {
        "required": True,
        "content": {
            MEDIA_TYPE: {
                "schema": {"type": "string"},
                "example": '{"chain": "resource.Zk3vD0yq2mT1uS8xWb7pRg.0"}',
            }
        },
    },
    "responses": {
        "200": answer(
            "The last entry of the chain that is stored, and the last one of a chain of this server.",
            {"through": 0},
        ),
        "400": error(
            "The body has no such entries.", "invalid_request", "the body must be entries of a chain"
        ),
        "401": error("The caller did not authenticate.", "invalid_client", "the client secret is wrong"),
        "403": error(
            "The caller is a client.",
            "unauthorized_client",
            "only a configured resource server reports events",
        ),
        "429": error(
            "The resource server has delivered too much in this hour; `Retry-After` says when it may again.",
            "temporarily_unavailable",
            "too many bytes of events in this hour",
        ),
        "409": answer("The entries do not continue the chain.", {"error": "conflict", "through": 0}),
    },
}
