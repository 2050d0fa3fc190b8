"""The variables by which the authorization server reads its resource servers. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from shared.cli.installation import RESOURCE_SERVER_ID

NAMES: tuple[str, ...] = (
    "DOORWARD_RESOURCE",
    "DOORWARD_RESOURCE_SECRET",
    "DOORWARD_RESOURCE_NAME",
    "DOORWARD_RESOURCE_SCOPES",
    "DOORWARD_RESOURCE_METADATA_URL",
)
JSON = "DOORWARD_RESOURCE_SERVERS"
_MEMBERS = frozenset({"resource", "name", "scopes", "default_scopes", "metadata_url"})


def variables_of(servers: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return plain variables if `servers` is one resource that they can describe, or JSON."""
    (server, *others) = servers
    (described, *more) = server["resources"]
    if others or more or server["id"] != RESOURCE_SERVER_ID or not _is_plain(described):
        return as_json(servers)
    values = (
        described["resource"],
        server["secret"],
        described["name"],
        scopes_text(described.get("scopes", {})),
        described.get("metadata_url"),
    )
    return {name: value for name, value in zip(NAMES, values, strict=True) if value}


def as_json(servers: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the variable that can describe any resource servers."""
    return {JSON: json.dumps(servers, separators=(",", ":"))}


def scopes_text(scopes: Mapping[str, str]) -> str | None:
    """Return the value of ``DOORWARD_RESOURCE_SCOPES``; None if it cannot express the scopes."""
    if any("=" in scope or ";" in f"{scope}{description}" for scope, description in scopes.items()):
        return None
    return "; ".join(f"{scope}={description}" for scope, description in scopes.items())


def _is_plain(described: Mapping[str, Any]) -> bool:
    scopes = described.get("scopes", {})
    by_default = described.get("default_scopes", list(scopes))
    return described.keys() <= _MEMBERS and list(scopes) == by_default and scopes_text(scopes) is not None
