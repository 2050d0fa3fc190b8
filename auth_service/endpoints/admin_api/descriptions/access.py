"""The OpenAPI description of `/admin/api/groups` and `/admin/api/access`."""

from __future__ import annotations

from functools import partial

from auth_service.endpoints.admin_api.descriptions.common import (
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
from auth_service.web.route import answer

TAG = "Administration: access"
_operation = partial(operation, TAG)
_GROUP = segment("group", "The name of a local group.")
_MEMBER = segment("member", "A username, an e-mail address, or another name that access rules know.")
_MEMBERS = {"members": ["ada", "eve@corp.example"]}
_RULES = {
    "contact": "it@corp.example",
    "groups": {"ops": {"https://mcp.example/mcp": ["notes:read"]}},
    "people": {"ada": {"https://mcp.example/mcp": ["notes:read"]}},
}
_VERSIONED = {"412": GONE_ON, "428": NO_VERSION}

LIST = _operation(
    "List groups",
    {"200": answer("A part of the list.", {"groups": ["ops"]})},
    parameters=[search("A part of the name."), *LIST_PARAMETERS],
)
READ = _operation(
    "Read a group",
    {"200": answer("Its members; a group without members does not exist.", _MEMBERS)},
    parameters=[_GROUP],
)
REPLACE = _operation(
    "Replace a group",
    {"200": answer("Its members now.", _MEMBERS), **_VERSIONED},
    description="Creates the group with its first member. Members that others add at the same time stay.",
    parameters=[_GROUP, IF_MATCH],
    request=body(_MEMBERS),
    fresh=True,
)
ADD = _operation("Add a member", {"204": DONE}, parameters=[_GROUP, _MEMBER], fresh=True)
REMOVE = _operation(
    "Remove a member",
    {"204": DONE, "404": NOT_FOUND},
    description="What they hold by the group ends within a second.",
    parameters=[_GROUP, _MEMBER],
)
READ_RULES = _operation(
    "Read the access rules",
    {"200": answer("The rules; `open` without any.", _RULES)},
)
REPLACE_RULES = _operation(
    "Replace the access rules",
    {"200": answer("The rules now.", _RULES), **_VERSIONED},
    description="Takes effect within a second.",
    parameters=[IF_MATCH],
    request=body(_RULES),
    fresh=True,
)
