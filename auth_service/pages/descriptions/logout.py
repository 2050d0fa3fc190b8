"""The OpenAPI description of `/logout`."""

from __future__ import annotations

OPERATIONS = {
    "GET": {
        "summary": "Log out (opened in a browser)",
        "description": "OpenID Connect RP-Initiated Logout: `id_token_hint`, `client_id`,"
        " `post_logout_redirect_uri`, `state`.",
        "tags": ["Pages"],
        "responses": {
            "200": {"description": "A page that asks, or says that it is done."},
            "303": {"description": "To the client's `post_logout_redirect_uri`."},
        },
    },
}

COME_BACK = {
    "summary": "Come back from a logout at an identity provider (opened in a browser)",
    "description": "The `post_logout_redirect_uri` of this server at identity providers. `state` counts once,"
    " in the browser that left.",
    "tags": ["Pages"],
    "responses": {
        "200": {"description": "A page that says that the person is logged out."},
        "303": {
            "description": "To the registered URL of the client that began the logout, or to the account."
        },
    },
}
