"""The OpenAPI description of `/admin/api/people`."""

from __future__ import annotations

from functools import partial

from auth_service.endpoints.admin_api.descriptions.common import (
    CONFLICT,
    DONE,
    LIST_PARAMETERS,
    NOT_FOUND,
    body,
    operation,
    search,
    segment,
)
from auth_service.web.route import answer

TAG = "Administration: people"
PERSON = {
    "subject": "9SekZ4uE0686X6-Ya6q4_A",
    "username": "ada",
    "name": "Ada Lovelace",
    "email": "ada@corp.example",
    "administrator": False,
    "disabled": False,
    "invited": False,
    "has_password": True,
    "created_at": 1_780_000_000,
}
_LINK = "https://auth.example/set-password?link=…"
_operation = partial(operation, TAG)
SUBJECT = segment("subject", "The subject of the account, which never changes.")

LIST = _operation(
    "List accounts",
    {"200": answer("A part of the list, by username.", {"people": [PERSON], "next": "WyJhZGEiXQ"})},
    parameters=[search("A part of the username, or a whole subject."), *LIST_PARAMETERS],
)
CREATE = _operation(
    "Create an account",
    {
        "201": answer("The account, and the link if it has no password.", {**PERSON, "link": _LINK}),
        "409": CONFLICT,
    },
    description="Without `password`, the response has a one-time link by which the person sets one.",
    request=body({"username": "ada", "name": "Ada Lovelace", "email": "ada@corp.example"}),
    fresh=True,
    creates=True,
)
READ = _operation(
    "Read an account",
    {"200": answer("The account.", {**PERSON, "second_factors": 1}), "404": NOT_FOUND},
    parameters=[SUBJECT],
)
CHANGE = _operation(
    "Change an account",
    {"200": answer("The account as it is now.", PERSON), "404": NOT_FOUND, "409": CONFLICT},
    description="Members that are left out stay. `disabled` ends sessions and connections. `username`,"
    " `email` and `administrator` need a login of the last 10 minutes, as does enabling an account.",
    parameters=[SUBJECT],
    request=body({"username": "ada", "name": "Ada King", "disabled": False}),
)
DELETE = _operation(
    "Delete an account",
    {"204": DONE, "404": NOT_FOUND},
    description="Its sessions and connections end. This cannot be undone.",
    parameters=[SUBJECT],
    fresh=True,
)
MAKE_LINK = _operation(
    "Create a one-time link",
    {"201": answer("The link.", {"link": _LINK, "expires_in": 86_400}), "404": NOT_FOUND},
    description="By it the person sets a new password. The sessions of the account end; earlier links"
    " are no longer valid.",
    parameters=[SUBJECT],
    request=body({"hours": 24, "lock": False}),
    fresh=True,
    creates=True,
)
REMOVE_FACTORS = _operation(
    "Remove second factors",
    {"204": DONE, "404": NOT_FOUND},
    description="For a person who has lost them.",
    parameters=[SUBJECT],
    fresh=True,
)
