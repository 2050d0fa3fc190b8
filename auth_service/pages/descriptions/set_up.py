"""The OpenAPI description of `/set-up`."""

from __future__ import annotations

from collections.abc import Mapping

from auth_service.web.route import Operation, answer, form, text

OPERATIONS: Mapping[str, Operation] = {
    "GET": {
        "summary": "Create the first administrator (opened in a browser)",
        "description": "The form, for the holder of the link that `doorward init` or `doorward up` printed.",
        "tags": ["Pages"],
        "responses": {
            "200": answer("The page."),
            "404": answer("A page: the link is not valid, or there is an administrator."),
            "429": answer("A page: too many links that are not valid; see `Retry-After`."),
        },
    },
    "POST": {
        "summary": "Create the first administrator (posted by its page)",
        "description": "Takes only the form that this browser was shown. Works once.",
        "tags": ["Pages"],
        "requestBody": form(
            {
                "csrf": text("From the page."),
                "link": text("From the page."),
                "back": text("From the page; empty, or the set-up page of `doorward up` on this machine."),
                "username": text("Of the new administrator."),
                "new_password": text("The new one, unless a passkey is created.", format="password"),
                "new_password_again": text("The same.", format="password"),
                "subject": text("From the page, with a passkey."),
                "credential": text("The response of the authenticator that created the passkey, as JSON."),
            },
            ("csrf", "link", "username"),
            {},
        ),
        "responses": {
            "303": answer("To a page that says so."),
            "400": answer("The page again: the name or the password cannot be used; or a foreign form."),
            "404": answer("A page: the link is no longer valid."),
            "429": answer("A page: too many links that are not valid; see `Retry-After`."),
        },
    },
}
