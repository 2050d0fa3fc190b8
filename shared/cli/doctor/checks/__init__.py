"""The rules, one function each, in the order in which a client meets them."""

from __future__ import annotations

from shared.cli.doctor.checks import (
    authorization,
    challenge,
    connection,
    cross_origin,
    documents,
    endpoints,
    lifetime,
    registration,
    resource_metadata,
    server_metadata,
    session,
    store,
    support,
    token,
)
from shared.cli.doctor.verdict import Check

DISCOVERY: dict[str, tuple[Check, ...]] = {
    "Connection": connection.CHECKS,
    "MCP server without a token": challenge.CHECKS,
    "Protected resource metadata": resource_metadata.CHECKS,
    "Authorization server metadata": server_metadata.CHECKS,
    "What the authorization server supports": support.CHECKS,
    "Documents": documents.CHECKS,
    "Endpoints": endpoints.CHECKS,
    "Clients in a browser": cross_origin.CHECKS,
    "Store of the authorization server": store.CHECKS,
}
"""The checks without a login, by heading."""

LOGIN: dict[str, tuple[Check, ...]] = {
    "Registration": registration.CHECKS,
    "Authorization": authorization.CHECKS,
    "Tokens": token.CHECKS,
    "MCP server with a token": session.CHECKS,
    "Refreshing and revoking": lifetime.CHECKS,
}
"""The checks that ``--login`` adds."""

CHECKS = {check.id: check for group in (*DISCOVERY.values(), *LOGIN.values()) for check in group}
