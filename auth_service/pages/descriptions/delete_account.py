"""The OpenAPI description of `/delete-account`."""

from __future__ import annotations

from collections.abc import Mapping

from auth_service.web.route import Operation, answer, form, text

OPERATIONS: Mapping[str, Operation] = {
    "GET": {
        "summary": "Delete the account (opened in a browser)",
        "description": "The form, for the user who is logged in.",
        "tags": ["Pages"],
        "responses": {"200": answer("The page."), "303": answer("To the login.")},
    },
    "POST": {
        "summary": "Delete the account (posted by its page)",
        "description": "Takes only the form that this browser was shown. Ends every session and connection of"
        " the person first.",
        "tags": ["Pages"],
        "requestBody": form(
            {
                "csrf": text("From the page."),
                "password": text("The current one, where the account has one.", format="password"),
            },
            ("csrf",),
            {},
        ),
        "responses": {
            "303": answer("To a page that says so, or to the login."),
            "400": answer("A page: the form was not shown to this browser."),
            "401": answer("The page again: the password is wrong, or the login too old."),
            "403": answer("The page again: administrators are deleted by another one."),
            "429": answer("The page again: too many wrong passwords; see `Retry-After`."),
            "503": answer("A page: too many logins are waiting; see `Retry-After`."),
        },
    },
}
