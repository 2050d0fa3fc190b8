"""The OpenAPI description of `/password`."""

from __future__ import annotations

from collections.abc import Mapping

from auth_service.web.route import Operation, answer, form, text

OPERATIONS: Mapping[str, Operation] = {
    "GET": {
        "summary": "Change the password (opened in a browser)",
        "description": "The form, for the user who is logged in.",
        "tags": ["Pages"],
        "responses": {"200": answer("The page."), "303": answer("To the login.")},
    },
    "POST": {
        "summary": "Change the password (posted by its page)",
        "description": "Takes only the form that this browser was shown. Ends every other session of the"
        " person, and every connection that was not made in this session.",
        "tags": ["Pages"],
        "requestBody": form(
            {
                "csrf": text("From the page."),
                "password": text("The current one."),
                "new_password": text("The new one."),
                "new_password_again": text("The same again."),
            },
            ("csrf", "password", "new_password", "new_password_again"),
            {},
        ),
        "responses": {
            "303": answer("To a page that says what ended, or to the login."),
            "400": answer(
                "A page: the new passwords differ, the new one is too short, too long or easily"
                " guessed, or the form was not shown to this browser."
            ),
            "401": answer("The page again: the current password is wrong."),
            "403": answer("A page: another site sent the form."),
            "409": answer("The page again: somebody else has changed the password meanwhile."),
            "429": answer("The page again: too many wrong passwords; see `Retry-After`."),
            "503": answer("A page: too many logins are waiting; see `Retry-After`."),
        },
    },
}

WELL_KNOWN: Operation = {
    "summary": "Where the password is changed",
    "description": "A Well-Known URL for Changing Passwords, for password managers.",
    "tags": ["Pages"],
    "responses": {"303": answer("To the page.")},
}
