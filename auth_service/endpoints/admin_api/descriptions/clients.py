"""The OpenAPI description of `/admin/api/clients`."""

from __future__ import annotations

from functools import partial

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
from auth_service.web.route import answer

TAG = "Administration: clients"
_operation = partial(operation, TAG)
_METADATA = {
    "client_name": "Nightly export",
    "grant_types": ["client_credentials"],
    "scope": "notes:read",
    "token_endpoint_auth_method": "client_secret_basic",
}
_CLIENT = {
    "client_id": "5f2b9c0d7e8a41b6",
    "path": "5f2b9c0d7e8a41b6",
    "operators": True,
    "disabled": False,
    "created_at": 1_780_000_000,
    "used_at": 1_780_003_600,
    "metadata": _METADATA,
}
_PATH = segment("client", "`path` of the client: its client_id, or `~` and base64url of one that is a URL.")

LIST = _operation(
    "List clients",
    {"200": answer("A part of the list, oldest first.", {"clients": [_CLIENT], "next": "WzE3ODAwMDAwMDBd"})},
    parameters=[search("A part of the name, the client_id or a redirect host."), *LIST_PARAMETERS],
)
CREATE = _operation(
    "Create a client",
    {
        "201": answer("The client, with its secret if it has one.", {**_CLIENT, "client_secret": "dw_cs_…"}),
        "409": CONFLICT,
    },
    description="`metadata` is that of RFC 7591 §2, with any grant type. The client never expires.",
    request=body({"metadata": _METADATA}),
    fresh=True,
    creates=True,
)
READ = _operation(
    "Read a client", {"200": answer("The client.", _CLIENT), "404": NOT_FOUND}, parameters=[_PATH]
)
EDIT = _operation(
    "Edit a client",
    {
        "200": answer("The client as it is now.", _CLIENT),
        "404": NOT_FOUND,
        "409": CONFLICT,
        "412": GONE_ON,
        "428": NO_VERSION,
    },
    description="Replaces the metadata of a client that the operator created.",
    parameters=[_PATH, IF_MATCH],
    request=body({"metadata": _METADATA}),
    fresh=True,
)
SET_STATE = _operation(
    "Disable or enable a client",
    {"200": answer("The client as it is now.", _CLIENT), "404": NOT_FOUND},
    description="The connections of a disabled client end within a second, and it gets no tokens. Enabling"
    " one needs a login of the last 10 minutes.",
    parameters=[_PATH],
    request=body({"disabled": True}),
)
DELETE = _operation(
    "Delete a client",
    {"204": DONE, "404": NOT_FOUND},
    description="Its connections end. This cannot be undone.",
    parameters=[_PATH],
    fresh=True,
)
ROTATE = _operation(
    "Rotate the secret of a client",
    {
        "201": answer(
            "The new secret.",
            {
                "client_id": "5f2b9c0d7e8a41b6",
                "client_secret": "dw_cs_…",
                "previous_secret_expires_in": 604_800,
            },
        ),
        "404": NOT_FOUND,
    },
    description="The previous secret works for seven more days; one from before that stops working at once.",
    parameters=[_PATH],
    fresh=True,
    creates=True,
)
