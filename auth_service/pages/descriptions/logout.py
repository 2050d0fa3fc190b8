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
