"""The OpenAPI description of `/register`."""

from __future__ import annotations

from typing import Any

from auth_service.protocol.registration import ClientMetadata
from auth_service.web.glossary import WORDS
from auth_service.web.route import answer, error


def registration_operation(example: dict[str, Any]) -> dict[str, Any]:
    """Return the operation; `example` is the example on the docs page."""
    return {
        "summary": "Register a client",
        "description": "RFC 7591. Members that are not known here are dropped. The secret and the"
        " registration access token are shown this once. A client that is not used is gone after a day.",
        "tags": ["Clients"],
        "requestBody": request_body(example),
        "responses": {
            "201": answer("The client as it is registered.", EXAMPLE_ANSWER),
            "400": error(
                "The metadata cannot be registered.",
                "invalid_redirect_uri",
                "redirect_uris: plain http is for localhost, 127.0.0.1 and [::1] only",
            ),
            "429": error("Too many from one network.", "temporarily_unavailable", "too many attempts"),
            "503": error(
                "As many clients are registered as are kept, or the store cannot be asked; `Retry-After`"
                " says when to try again.",
                "temporarily_unavailable",
                "too many unused clients are registered; try again later",
            ),
        },
    }


def request_body(example: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI request body for client metadata."""
    members = ClientMetadata.model_json_schema()["properties"]
    properties = {name: _readable(name, member) for name, member in members.items()}
    schema = {"type": "object", "properties": properties}
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


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
