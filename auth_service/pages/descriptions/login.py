"""The OpenAPI description of `/login`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from auth_service.web.forms import PENDING
from auth_service.web.route import Operation, answer, form, text


def login_operations(destinations: Iterable[str]) -> Mapping[str, Operation]:
    """Return the operations; `destinations` are the possible values of `to`."""
    return {
        "GET": {
            "summary": "The login page (opened in a browser)",
            "description": "A form with the fields `username` and `password`.",
            "tags": ["Pages"],
            "parameters": [PENDING],
            "responses": {"200": answer("The page."), "400": answer("A page: the request is over.")},
        },
        "POST": {
            "summary": "Log in (posted by the login page)",
            "description": "Takes only the form that this browser was shown.",
            "tags": ["Pages"],
            "requestBody": form(
                {
                    "csrf": text("From the page."),
                    "pending": text("From the page; left out, the login leads to the account page."),
                    "to": text("From the page.", enum=sorted(destinations)),
                    "username": text("As the operator made it."),
                    "password": text("Of that user.", format="password"),
                    "cancel": text("The other button, with `pending` alone: the client gets an error."),
                },
                ("csrf",),
                {},
            ),
            "responses": {
                "303": answer("On to the authorization request, or to the account page."),
                "400": answer("A page: the form was not shown to this browser."),
                "401": answer("The page again: the username or the password is wrong."),
                "429": answer("The page again: too many failures from one network; see `Retry-After`."),
                "503": answer("The page again: too many logins wait; see `Retry-After`."),
            },
        },
    }
