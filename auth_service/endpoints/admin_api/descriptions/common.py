"""The parts that the descriptions of all operations share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from auth_service.endpoints.admin_api.listing import DEFAULT_LIMIT, MAX_LIMIT
from auth_service.protocol.admin_access import SCOPE
from auth_service.web.glossary import schema_of
from auth_service.web.route import Operation, answer, error, text

SECURITY = [{"admin": [SCOPE]}]
NOT_FOUND = error("It does not exist.", "not_found", "there is no such account")
CONFLICT = error("It contradicts the current state.", "conflict", "the username is taken")
INVALID = error("The request is not valid.", "invalid_request", "the body must be a JSON object")
GONE_ON = error(
    "Somebody has changed it since it was read.",
    "precondition_failed",
    "it was changed in the meantime; read it again",
)
NO_VERSION = error(
    "`If-Match` is missing.", "precondition_required", "If-Match must name the version to replace"
)
DONE = answer("Done.")
_REFUSED = {
    "401": error(
        "No valid access token for this API, its person is not an administrator (any longer), or the login is"
        " too old or too weak: `WWW-Authenticate` says which.",
        "invalid_token",
        "the access token is not valid, or has expired",
    ),
    "403": error("The token lacks the scope.", "insufficient_scope", f"the scope {SCOPE} was not granted"),
}
_FRESH = " Needs a login of the last 10 minutes (RFC 9470)."

LIST_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "limit",
        "in": "query",
        "schema": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_LIMIT,
            "default": DEFAULT_LIMIT,
            "description": "How many to return.",
        },
    },
    {"name": "after", "in": "query", "schema": text("`next` of the previous response.")},
]
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "schema": text("The `ETag` of the version to replace."),
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": text("Names the request: within an hour its repetition has the same result.", maxLength=200),
}


def search(description: str) -> dict[str, Any]:
    """Return the query parameter `q`."""
    return {"name": "q", "in": "query", "schema": text(description)}


def segment(name: str, description: str) -> dict[str, Any]:
    """Return a parameter in the path."""
    return {"name": name, "in": "path", "required": True, "schema": text(description)}


def body(example: object) -> dict[str, Any]:
    """Return a JSON request body."""
    return {
        "required": True,
        "content": {"application/json": {"schema": schema_of(example), "example": example}},
    }


def operation(
    tag: str,
    summary: str,
    responses: Mapping[str, Any],
    *,
    description: str = "",
    parameters: Sequence[Mapping[str, Any]] = (),
    request: Mapping[str, Any] | None = None,
    fresh: bool = False,
    creates: bool = False,
) -> Operation:
    """Return the description of an operation."""
    more = [_IDEMPOTENCY_KEY] if creates else []
    return {
        "summary": summary,
        "description": f"{description}{_FRESH if fresh else ''}".strip(),
        "tags": [tag],
        "security": SECURITY,
        "parameters": [*parameters, *more],
        **({"requestBody": request} if request else {}),
        "responses": {**responses, "400": INVALID, **_REFUSED},
    }
