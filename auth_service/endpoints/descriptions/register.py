"""The OpenAPI description of `/register`."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

from auth_service.protocol.registration import ClientMetadata
from auth_service.web.glossary import WORDS
from auth_service.web.route import answer, error


def registration_operation(example: dict[str, Any]) -> dict[str, Any]:
    """Return the operation; `example` is the example on the docs page."""
    return {
        "summary": "Register a client",
        "description": "RFC 7591. Unknown members are ignored. The secret and the"
        " registration access token appear only in this response. An unused client expires after a day.",
        "tags": ["Clients"],
        "requestBody": request_body(example),
        "responses": {
            "201": answer("The registered metadata.", EXAMPLE_ANSWER),
            "400": error(
                "The metadata cannot be registered.",
                "invalid_redirect_uri",
                "redirect_uris: plain http is allowed only for localhost, 127.0.0.1 and [::1]",
            ),
            "429": error(
                "Too many requests from one network.",
                "temporarily_unavailable",
                "too many attempts from your network; try again later",
            ),
            "503": error(
                "The maximum number of clients is registered, or the store is unavailable; `Retry-After`"
                " says when to try again.",
                "temporarily_unavailable",
                "too many unused clients are registered; try again later",
            ),
        },
    }


def request_body(example: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI request body for client metadata."""
    schema = {"type": "object", "properties": deepcopy(_properties())}
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


@cache
def _properties() -> dict[str, Any]:
    # Cached: two operations describe the same metadata, and pydantic takes 10 ms for its schema.
    members = ClientMetadata.model_json_schema()["properties"]
    return {name: _readable(name, member) for name, member in members.items()}


def _readable(name: str, member: dict[str, Any]) -> dict[str, Any]:
    # Null means the same as leaving the member out, and the title repeats the name.
    kind = member.get("anyOf", [{}])[0]
    kept = {
        key: value for key, value in member.items() if key not in ("anyOf", "title") and value is not None
    }
    description = {"description": WORDS[name]} if name in WORDS else {}
    return {**description, **kind, **kept}


EXAMPLE_ANSWER = {
    "client_id": "nZ0v1Xb9pL2yR4sTq6uWxA",
    "client_id_issued_at": 1_790_000_000,
    "client_name": "My client",
    "redirect_uris": ["http://localhost:8080/callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
    "registration_client_uri": "http://localhost:9000/register/nZ0v1Xb9pL2yR4sTq6uWxA",
    "registration_access_token": "dw_cr_…",
}
