"""The OpenAPI description of `/set-password`."""

from __future__ import annotations

from collections.abc import Mapping

from auth_service.web.route import Operation, answer, form, text

OPERATIONS: Mapping[str, Operation] = {
    "GET": {
        "summary": "Set a password by a one-time link (opened in a browser)",
        "description": "The form, for the holder of a link from an operator or administrator.",
        "tags": ["Pages"],
        "responses": {
            "200": answer("The page."),
            "404": answer("A page: the link is unknown, has expired, or was used or replaced."),
            "429": answer("A page: too many links that are not valid; see `Retry-After`."),
        },
    },
    "POST": {
        "summary": "Set a password by a one-time link (posted by its page)",
        "description": "Takes only the form that this browser was shown. Ends every session and connection.",
        "tags": ["Pages"],
        "requestBody": form(
            {
                "csrf": text("From the page."),
                "link": text("From the page."),
                "new_password": text("The new one.", format="password"),
                "new_password_again": text("The same.", format="password"),
            },
            ("csrf", "link", "new_password", "new_password_again"),
            {},
        ),
        "responses": {
            "303": answer("To a page that says so."),
            "400": answer("The page again: the password cannot be used; or a foreign form."),
            "404": answer("A page: the link is no longer valid."),
            "429": answer("A page: too many links that are not valid; see `Retry-After`."),
        },
    },
}
