"""The OpenAPI description of `/admin`, `/admin/{page}`."""

from __future__ import annotations

from auth_service.web.route import Operation, answer, form, text

_PAGE = {
    "name": "page",
    "in": "path",
    "required": True,
    "schema": text(
        "Which.",
        enum=[
            *("software", "clients", "client", "new-client", "invitations"),
            *("people", "person", "groups", "group", "access", "access-rule", "journal", "event"),
        ],
    ),
}

WAY_IN: Operation = {
    "summary": "The console (opened in a browser)",
    "description": "For administrators: clients, invitations, people.",
    "tags": ["Pages"],
    "responses": {"303": answer("To its first page.")},
}

_OTHERWISE = {
    "303": answer("To the login, where nobody has logged in within the last hour."),
    "403": answer("A page: anyone who is logged in is not an administrator."),
}

SHOW: Operation = {
    "summary": "A page of the console (opened in a browser)",
    "description": "For administrators who have logged in within the last hour.",
    "tags": ["Pages"],
    "parameters": [_PAGE],
    "responses": {"200": answer("The page."), **_OTHERWISE, "404": answer("A page: there is no such thing.")},
}

ACT: Operation = {
    "summary": "Do something (posted by a page of the console)",
    "description": "Takes only the form that this browser was shown; logged with who did it.",
    "tags": ["Pages"],
    "parameters": [_PAGE],
    "requestBody": form(
        {
            "csrf": text("From the page."),
            "action": text("The button."),
            "key": text("The software, from the page."),
            "client_id": text("The client, from the page."),
            "name": text("The person, from the page."),
            "grant_id": text("The grant, from the page."),
            "password": text(
                "Of the administrator, if the login is older than 10 minutes.", format="password"
            ),
            "token": text("The invitation, from the page."),
            "uses": text("For a new invitation: how many registrations it is good for."),
            "hours": text("For a new invitation: how long."),
            "lock": text("For a password link: `yes` to lock the account until it is used."),
        },
        ("csrf", "action"),
        {},
    ),
    "responses": {
        "200": answer("A page that shows a new invitation or client secret, this once."),
        **_OTHERWISE,
        "303": answer("To the page, as it is now; or to the login."),
        "400": answer("A page: the form was not shown to this browser, or holds what cannot be."),
    },
}
