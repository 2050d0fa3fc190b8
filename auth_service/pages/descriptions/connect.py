"""The OpenAPI description of `/connect/{link}` and `/connect/callback`."""

from __future__ import annotations

from collections.abc import Mapping

from auth_service.web.route import Operation, answer, form, text

_LINK = {
    "name": "link",
    "in": "path",
    "required": True,
    "schema": text("The id of a link; `/connected-account` returns it as a part of `connect_url`."),
}

LINK: Mapping[str, Operation] = {
    "GET": {
        "summary": "Connect an account for an upstream (opened in a browser)",
        "description": "Shows the provider, the scopes and the client that asked, and a form if the person"
        " enters an API key. Only the person that the link is for can use it, logged in.",
        "tags": ["Pages"],
        "parameters": [_LINK],
        "responses": {
            "200": answer("The page."),
            "303": answer("To the login."),
            "400": answer("A page: the link has expired."),
            "403": answer("A page: the link is for another person."),
        },
    },
    "POST": {
        "summary": "Go to the provider, or save an API key (posted by the page)",
        "description": "Takes only the form that this browser was shown.",
        "tags": ["Pages"],
        "parameters": [_LINK],
        "requestBody": form(
            {
                "csrf": text("From the page."),
                "api_key": text("The key, at most 4096 characters; only if the provider is used with keys."),
            },
            ("csrf",),
            {},
        ),
        "responses": {
            "200": answer("A page: the key is stored."),
            "303": answer("To the provider."),
            "400": answer(
                "A page: the form was not shown to this browser, the link has expired, or the key is invalid."
            ),
            "403": answer("A page: the link is for another person."),
            "429": answer("A page: too many attempts of one network."),
        },
    },
}

CALLBACK: Operation = {
    "summary": "Where the provider of a connected account sends a person back to (opened in a browser)",
    "description": "The redirect URI to register at each provider. The `state` names the link, and only the"
    " browser that used the link can come back (RFC 9700 §4.4, §4.7).",
    "tags": ["Pages"],
    "parameters": [
        {"name": "code", "in": "query", "schema": text("Of the provider.")},
        {"name": "state", "in": "query", "schema": text("Of this server.")},
        {"name": "iss", "in": "query", "schema": text("The provider's issuer (RFC 9207).")},
        {"name": "error", "in": "query", "schema": text("Of the provider.")},
    ],
    "responses": {
        "200": answer("A page: the account is connected."),
        "303": answer("To the login, if the session has ended in the meantime."),
        "400": answer("A page: another browser began, the provider refused, or its response is not valid."),
        "403": answer("A page: the link is for another person."),
        "503": answer("A page: the provider cannot be reached."),
    },
}
