"""The OpenAPI descriptions of the pages about second factors."""

from __future__ import annotations

from collections.abc import Mapping

from auth_service.web.forms import PENDING
from auth_service.web.route import Operation, answer, form, text

_CSRF = text("From the page.")
_PENDING = text("From the page: the authorization request to go on with.")
_NOT_SHOWN = answer("A page: the form was not shown to this browser.")
_FRESH = "Needs a login of the last ten minutes, with the second factor if the account has one."


def _page(summary: str, description: str) -> Operation:
    return {
        "summary": f"{summary} (opened in a browser)",
        "description": description,
        "tags": ["Pages"],
        "parameters": [PENDING],
        "responses": {
            "200": answer("The page."),
            "303": answer("To the login."),
            "400": answer("A page: the request is over."),
        },
    }


OPERATIONS: Mapping[str, Operation] = {
    "GET": _page("The second step of a login", "A form with the field `code`."),
    "POST": {
        "summary": "Pass the second factor (posted by its page)",
        "description": "Takes only the form that this browser was shown, within ten minutes of the"
        " first factor.",
        "tags": ["Pages"],
        "requestBody": form(
            {
                "csrf": _CSRF,
                "login": text("From the page: the login that waits."),
                "pending": _PENDING,
                "to": text("From the page."),
                "code": text("From an authenticator app, or a recovery code."),
                "credential": text("Instead of a code: the response of an authenticator, as JSON."),
            },
            ("csrf",),
            {},
        ),
        "responses": {
            "303": answer("On to the authorization request, or to the page that asked for the login."),
            "400": _NOT_SHOWN,
            "401": answer("The page again: the second factor was not accepted."),
            "429": answer("The page again: too many wrong codes; see `Retry-After`."),
        },
    },
}

METHODS: Mapping[str, Operation] = {
    "GET": _page("Ways to log in", "Lists the second factors of the person, with when each was last used."),
    "POST": {
        "summary": "Remove a second factor (posted by its page)",
        "description": _FRESH,
        "tags": ["Pages"],
        "requestBody": form(
            {
                "csrf": _CSRF,
                "action": text("The button.", enum=["remove-app", "remove-passkey"]),
                "credential_id": text("For a passkey: from the page."),
            },
            ("csrf", "action"),
            {},
        ),
        "responses": {
            "303": answer("To the page, or to the login."),
            "400": _NOT_SHOWN,
            "409": answer("The page again: it is the last second factor, and one is required."),
        },
    },
}

ADD_APP: Mapping[str, Operation] = {
    "GET": _page("Add an authenticator app", f"Shows a QR code. {_FRESH}"),
    "POST": {
        "summary": "Add an authenticator app (posted by its page)",
        "description": "The app counts once one of its codes was entered.",
        "tags": ["Pages"],
        "requestBody": form(
            {
                "csrf": _CSRF,
                "enrolment": text("From the page."),
                "code": text("That the app shows."),
                "pending": _PENDING,
                "to": text("From the page."),
            },
            ("csrf", "enrolment", "code"),
            {},
        ),
        "responses": {
            "200": answer("The recovery codes, shown once, with the first second factor of an account."),
            "303": answer("On to the authorization request, to the list, or to the login."),
            "400": answer("The page again: the code is wrong; or the form was not shown to this browser."),
            "409": answer("The page again: there is an authenticator app already."),
        },
    },
}

_CREDENTIAL = text("The response of the authenticator, as JSON.")

ADD_PASSKEY: Mapping[str, Operation] = {
    "GET": _page("Add a passkey", f"A form that asks the browser for a new passkey. {_FRESH}"),
    "POST": {
        "summary": "Add a passkey (posted by its page)",
        "description": "Each challenge counts once, in the browser that it was given to.",
        "tags": ["Pages"],
        "requestBody": form(
            {
                "csrf": _CSRF,
                "name": text("By which the person recognizes it."),
                "credential": _CREDENTIAL,
                "pending": _PENDING,
                "to": text("From the page."),
            },
            ("csrf", "credential"),
            {},
        ),
        "responses": {
            "200": answer("The recovery codes, shown once, with the first second factor of an account."),
            "303": answer("On to the authorization request, to the list, or to the login."),
            "400": answer("The page again: the response is not valid here."),
            "409": answer("The page again: the passkey was added before, or there are too many."),
        },
    },
}

PASSKEY_LOGIN: Mapping[str, Operation] = {
    "GET": _page("Log in with a passkey", "A form that asks the browser for a passkey."),
    "POST": {
        "summary": "Log in with a passkey (posted by its page, or by the login page)",
        "description": "The authenticator must have verified the person.",
        "tags": ["Pages"],
        "requestBody": form(
            {
                "csrf": _CSRF,
                "credential": _CREDENTIAL,
                "pending": _PENDING,
                "to": text("From the page."),
            },
            ("csrf", "credential"),
            {},
        ),
        "responses": {
            "303": answer("On to the authorization request, or to the page that asked for the login."),
            "400": _NOT_SHOWN,
            "401": answer("The page again: the passkey was not accepted."),
            "429": answer("A page: too many attempts from one network; see `Retry-After`."),
        },
    },
}

RECOVERY: Mapping[str, Operation] = {
    "GET": _page("New recovery codes", f"Says what ends. {_FRESH}"),
    "POST": {
        "summary": "Make new recovery codes (posted by its page)",
        "description": "The earlier ones end.",
        "tags": ["Pages"],
        "requestBody": form({"csrf": _CSRF}, ("csrf",), {}),
        "responses": {
            "200": answer("The recovery codes, shown once."),
            "303": answer("To the login."),
            "400": _NOT_SHOWN,
        },
    },
}
