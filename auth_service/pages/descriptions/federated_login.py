"""The OpenAPI description of `/login/{provider}`, `/callback/{provider}`."""

from __future__ import annotations

from auth_service.web.route import Operation, answer, form, text

_PROVIDER = {
    "name": "provider",
    "in": "path",
    "required": True,
    "schema": text("The `id` of an identity provider."),
}

BEGIN: Operation = {
    "summary": "Log in through an identity provider (posted by the login page)",
    "description": "Takes only the form that this browser was shown.",
    "tags": ["Pages"],
    "parameters": [_PROVIDER],
    "requestBody": form(
        {
            "csrf": text("From the page."),
            "pending": text("From the page; left out, the login leads to the account page."),
            "to": text("From the page."),
            "connect": text("From the account page: connect the identity to the account that is logged in."),
        },
        ("csrf",),
        {},
    ),
    "responses": {
        "303": answer("To the provider."),
        "400": answer("A page: the form was not shown to this browser."),
        "429": answer("A page: too many logins of one network wait for their provider."),
        "503": answer("A page: the provider cannot be reached."),
    },
}

COME_BACK: Operation = {
    "summary": "Where an identity provider sends a person back to (opened in a browser)",
    "description": "The redirect URI to register at the provider: one for each, so that an answer of one"
    " cannot pass for another's (RFC 9700 §4.4).",
    "tags": ["Pages"],
    "parameters": [
        _PROVIDER,
        {"name": "code", "in": "query", "schema": text("Of the provider.")},
        {"name": "state", "in": "query", "schema": text("Of this server.")},
        {"name": "iss", "in": "query", "schema": text("The provider's issuer (RFC 9207).")},
        {"name": "error", "in": "query", "schema": text("Of the provider.")},
    ],
    "responses": {
        "303": answer("On to the authorization request, or to the account page."),
        "400": answer("A page: another browser began the login, or the response is not valid."),
        "403": answer("A page: the person may not log in here, and whom to ask."),
        "503": answer("A page: the provider cannot be reached."),
    },
}
