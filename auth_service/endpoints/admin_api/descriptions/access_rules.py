"""The OpenAPI description of `/admin/api/access/rules` and `/admin/api/access/decision`."""

from __future__ import annotations

from functools import partial

from auth_service.endpoints.admin_api.descriptions.access import TAG
from auth_service.endpoints.admin_api.descriptions.common import (
    CONFLICT,
    DONE,
    GONE_ON,
    IF_MATCH,
    LIST_PARAMETERS,
    NO_VERSION,
    NOT_FOUND,
    body,
    operation,
    search,
    segment,
)
from auth_service.web.route import answer, text

_operation = partial(operation, TAG)
_NEW = {"group": "ops", "resource": "https://mcp.example/mcp", "scopes": ["notes:read"]}
_RULE = {"rule_id": "9c1185a5c5e9fc54", **_NEW, "source": "store"}
_OF_PERSON = {
    "rule_id": "1d20a9fa07f2a75b",
    "person": "ada",
    "resource": "*",
    "scopes": "*",
    "source": "file",
}
_ID = segment("rule", "The `rule_id` of the rule, which stays the same when its scopes change.")

LIST = _operation(
    "List access rules",
    {"200": answer("A part of the list.", {"rules": [_RULE, _OF_PERSON]})},
    parameters=[search("A part of the name or of the resource."), *LIST_PARAMETERS],
)
CREATE = _operation(
    "Create an access rule",
    {"201": answer("The rule.", _RULE), "409": CONFLICT, "412": GONE_ON},
    description="`scopes` is `*` or a list. While there are no rules, the first one closes everything that"
    " no rule grants, and needs `closes: true`.",
    request=body({**_NEW, "closes": False}),
    fresh=True,
    creates=True,
)
READ = _operation(
    "Read an access rule", {"200": answer("The rule.", _RULE), "404": NOT_FOUND}, parameters=[_ID]
)
EDIT = _operation(
    "Change an access rule",
    {"200": answer("The rule now.", _RULE), "404": NOT_FOUND, "412": GONE_ON, "428": NO_VERSION},
    description="Takes effect within a second.",
    parameters=[_ID, IF_MATCH],
    request=body({"scopes": ["notes:read"]}),
    fresh=True,
)
REMOVE = _operation(
    "Remove an access rule",
    {"204": DONE, "404": NOT_FOUND},
    description="What people hold by this rule alone ends within a second.",
    parameters=[_ID],
)
DECIDE = _operation(
    "Tell what a person may hold",
    {
        "200": answer(
            "The scopes, and the rules that decided; none if the resource is closed to the person.",
            {
                "scopes": ["notes:read"],
                "rules": ["group ops may hold notes:read at https://mcp.example/mcp"],
            },
        ),
        "404": NOT_FOUND,
    },
    parameters=[
        {"name": name, "in": "query", "required": True, "schema": text(description)}
        for name, description in (("username", "Of the account."), ("resource", "The URL of the resource."))
    ],
)
