"""The OpenAPI description of `/account`."""

from __future__ import annotations

from collections.abc import Mapping

from auth_service.web.route import Operation, answer, form, text

_WHAT = {
    "action": "`disconnect`, `disconnect_mount`, `disconnect_app`, `end_session` or `end_other_sessions`.",
    "grant_id": "For `disconnect` and `disconnect_mount`: from the page.",
    "mount": "For `disconnect_mount`: from the page.",
    "app": "For `disconnect_app`: from the page.",
    "session": "For `end_session`: from the page.",
}

OPERATIONS: Mapping[str, Operation] = {
    "GET": {
        "summary": "The account page (opened in a browser)",
        "description": "Lists what the person has connected and where they are logged in. With `action`, asks"
        " before something ends.",
        "tags": ["Pages"],
        "parameters": [{"name": name, "in": "query", "schema": text(words)} for name, words in _WHAT.items()],
        "responses": {"200": answer("The page."), "303": answer("To the login.")},
    },
    "POST": {
        "summary": "Disconnect, or log another browser out (posted by the account page)",
        "description": "Takes only the form that this browser was shown.",
        "tags": ["Pages"],
        "requestBody": form(
            {
                "csrf": text("From the page."),
                **{name: text(words) for name, words in _WHAT.items()},
            },
            ("csrf", "action"),
            {},
        ),
        "responses": {
            "303": answer("To the page, as it is now, with a message."),
            "400": answer("A page: the form was not shown to this browser, or names no action."),
        },
    },
}
