"""The OpenAPI description of `/disconnect-identity`."""

from __future__ import annotations

from collections.abc import Mapping

from auth_service.web.route import Operation, answer, form, text

OPERATIONS: Mapping[str, Operation] = {
    "GET": {
        "summary": "Disconnect an identity (opened in a browser)",
        "description": "The form for one identity of the user who is logged in.",
        "tags": ["Pages"],
        "responses": {"200": answer("The page."), "303": answer("To the login, or the account page.")},
    },
    "POST": {
        "summary": "Disconnect an identity (posted by its page)",
        "description": "Takes only the form that this browser was shown. Ends the other sessions that began"
        " through the provider, and what was connected in them.",
        "tags": ["Pages"],
        "requestBody": form(
            {
                "csrf": text("From the page."),
                "identity": text("From the page."),
                "password": text("The current one, where the account has one.", format="password"),
            },
            ("csrf", "identity"),
            {},
        ),
        "responses": {
            "303": answer("To the account page, or the login."),
            "400": answer("A page: the form was not shown to this browser."),
            "401": answer("The page again: the password is wrong, or the login too old."),
            "409": answer("The page again: it is the only way to log in."),
            "429": answer("The page again: too many wrong passwords; see `Retry-After`."),
            "503": answer("A page: too many logins are waiting; see `Retry-After`."),
        },
    },
}
