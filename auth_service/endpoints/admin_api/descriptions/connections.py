"""The OpenAPI description of the grants and sessions of a person."""

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
_GRANT = {
    "grant_id": "4bDqUz0kQkq3v9Hc2m1X_g",
    "client_id": "s6BhdRkqt3",
    "resource": "https://mcp.example/mcp",
    "scopes": ["notes:read"],
    "created_at": 1_780_000_000,
    "last_used_at": 1_780_003_600,
}
_SESSION = {
    "session_id": "k3nX0v5cSx2b7dQ1f9Lw_A",
    "logged_in_at": 1_780_000_000,
    "last_seen_at": 1_780_003_600,
    "expires_at": 1_780_604_800,
    "methods": ["pwd"],
    "network": "192.0.2.1/32",
    "browser": "Firefox on Linux",
}

GRANTS = _operation(
    "List what a person has connected",
    {"200": answer("The active grants, oldest first.", {"grants": [_GRANT]}), "404": NOT_FOUND},
    parameters=[SUBJECT, *LIST_PARAMETERS],
)
END_GRANTS = _operation(
    "End every connection of a person", {"204": DONE, "404": NOT_FOUND}, parameters=[SUBJECT]
)
END_GRANT = _operation(
    "End a connection",
    {"204": DONE, "404": NOT_FOUND},
    description="Its tokens stop working within a second, and the consent behind it is forgotten.",
    parameters=[SUBJECT, segment("grant_id", "The grant.")],
)
SESSIONS = _operation(
    "List where a person is logged in",
    {"200": answer("The sessions, oldest login first.", {"sessions": [_SESSION]}), "404": NOT_FOUND},
    parameters=[SUBJECT, *LIST_PARAMETERS],
)
END_SESSIONS = _operation(
    "Log a person out everywhere",
    {"204": DONE, "404": NOT_FOUND},
    description="What the person has connected stays connected.",
    parameters=[SUBJECT],
)
END_SESSION = _operation(
    "Log a person out of one browser",
    {"204": DONE, "404": NOT_FOUND},
    parameters=[SUBJECT, segment("session_id", "The session.")],
)
