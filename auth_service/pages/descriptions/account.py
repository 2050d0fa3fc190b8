"""The OpenAPI description of `/account`."""

from __future__ import annotations

from collections.abc import Mapping

from auth_service.web.route import Operation, answer, form, text

OPERATIONS: Mapping[str, Operation] = {
    "GET": {
        "summary": "The account page (opened in a browser)",
        "description": "Lists what the person has connected.",
        "tags": ["Pages"],
        "responses": {"200": answer("The page."), "303": answer("To the login.")},
    },
    "POST": {
        "summary": "Disconnect, or log out (posted by the account page)",
        "description": "Takes only the form that this browser was shown.",
        "tags": ["Pages"],
        "requestBody": form(
            {
                "csrf": text("From the page."),
                "action": text("The button.", enum=["disconnect", "logout"]),
                "grant_id": text("For `disconnect`: from the page."),
            },
            ("csrf", "action"),
            {},
        ),
        "responses": {
            "303": answer("To the page, as it is now; after a logout to the login."),
            "400": answer("A page: the form was not shown to this browser."),
        },
    },
}
