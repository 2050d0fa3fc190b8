"""The OpenAPI description of the accounts of a person at providers."""

from __future__ import annotations

from functools import partial

from auth_service.endpoints.admin_api.descriptions.common import (
    DONE,
    LIST_PARAMETERS,
    NOT_FOUND,
    operation,
    segment,
)
from auth_service.endpoints.admin_api.descriptions.people import SUBJECT
from auth_service.web.route import answer

TAG = "Administration: connections"
_operation = partial(operation, TAG)
_ACCOUNT = {
    "account_id": "5f1d7a84db00d2fce00b31a7fc73224f5f1d7a84db00d2fce00b31a7fc73224f",
    "resource": "https://mcp.example/github",
    "provider": "GitHub",
    "api_key": False,
    "client_id": "s6BhdRkqt3",
    "connected_at": 1_780_000_000,
    "renewed_at": 1_780_003_600,
}

LIST = _operation(
    "List the accounts that a person has connected at providers",
    {
        "200": answer("The accounts, oldest first, without credentials.", {"provider_accounts": [_ACCOUNT]}),
        "404": NOT_FOUND,
    },
    description="`client_id` is the client whose call led to the connection; `api_key` says whether the"
    " person entered a key.",
    parameters=[SUBJECT, *LIST_PARAMETERS],
)
DISCONNECT = _operation(
    "Disconnect an account of a person at a provider",
    {"204": DONE, "404": NOT_FOUND},
    description="Resource servers stop using it within a second, and its tokens are revoked at the provider,"
    " if that has an endpoint of RFC 7009. The person can connect it again.",
    parameters=[SUBJECT, segment("account_id", "The `account_id`.")],
)
