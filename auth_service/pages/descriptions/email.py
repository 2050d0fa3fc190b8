"""The OpenAPI description of `/email`."""

from __future__ import annotations

from collections.abc import Mapping

from auth_service.web.route import Operation, answer, form, text

OPERATIONS: Mapping[str, Operation] = {
    "GET": {
        "summary": "Change the e-mail address (opened in a browser)",
        "description": "The form, for the user who is logged in.",
        "tags": ["Pages"],
        "responses": {"200": answer("The page."), "303": answer("To the login.")},
    },
    "POST": {
        "summary": "Change the e-mail address (posted by its page)",
        "description": "Takes only the form that this browser was shown. The address is unproven, and has no"
        " effect, until an administrator confirms it.",
        "tags": ["Pages"],
        "requestBody": form(
            {
                "csrf": text("From the page."),
                "email": text("The address; none removes the unproven one."),
                "action": text("`remove` removes the unproven address."),
                "password": text("The current one, where the account has one.", format="password"),
            },
            ("csrf",),
            {},
        ),
        "responses": {
            "303": answer("To the page, or to the login."),
            "400": answer("A page: not an address, or the form was not shown to this browser."),
            "401": answer("The page again: the password is wrong, or the login too old."),
            "429": answer("The page again: too many wrong passwords; see `Retry-After`."),
            "503": answer("A page: too many logins are waiting; see `Retry-After`."),
        },
    },
}
