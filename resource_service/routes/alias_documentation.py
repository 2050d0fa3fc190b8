"""OpenAPI descriptions of the aliases, written by hand because the aliases read their requests raw."""

from __future__ import annotations

from typing import Any


def _text(description: str, **more: str) -> dict[str, str]:
    return {"type": "string", "description": description, **more}


def _left_out(description: str) -> dict[str, str]:
    # RFC 6749 §3.1: an empty parameter counts as omitted. Otherwise the docs page would send an invented
    # value.
    return _text(description, default="")


TOKEN: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": _text("The grant type.", example="authorization_code"),
                        "code": _left_out("For `authorization_code`: the code."),
                        "redirect_uri": _left_out("For `authorization_code`: where the code came to."),
                        "code_verifier": _left_out("For `authorization_code`: RFC 7636 §4.1"),
                        "refresh_token": _left_out("For `refresh_token`."),
                        "client_id": _left_out("Of a client without a secret."),
                    },
                }
            }
        },
    },
    "responses": {
        "200": {"description": "What the token endpoint answered (RFC 6749 §5.1)"},
        "400": {"description": "The request was refused (RFC 6749 §5.2)"},
        "401": {"description": "The client did not authenticate"},
    },
}


def register(redirect_uri: str) -> dict[str, Any]:
    """Describe the registration; `redirect_uri` is the docs page's own, so that the example works there."""
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "redirect_uris": {
                                "type": "array",
                                "items": {"type": "string"},
                                "description": "Where codes may be sent.",
                            },
                            "client_name": _text("Shown on the consent page, marked as unverified."),
                            "token_endpoint_auth_method": _text("`none` for a public client."),
                        },
                    },
                    "example": {
                        "redirect_uris": ["http://localhost:8765/callback", redirect_uri],
                        "client_name": "My MCP client",
                        "token_endpoint_auth_method": "none",
                    },
                }
            },
        },
        "responses": {
            "201": {"description": "The client is registered (RFC 7591 §3.2.1)"},
            "400": {"description": "The metadata was refused (RFC 7591 §3.2.2)"},
        },
    }
