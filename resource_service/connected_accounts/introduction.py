"""The answers of this service instead of an upstream, before the person has connected an account. Pure.

Many upstreams refuse every request without a credential, even `initialize`. So the client is introduced to
a server with one tool, whose result is the link; the upstream's own tools are listed once it is connected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION

from resource_service.connected_accounts.answers import ConnectLink
from resource_service.person_links import Json, is_modern
from shared.version import VERSION

TOOL = "doorward_connect_account"

CAPABILITIES: Json = {
    "tools": {"listChanged": True},
    "prompts": {"listChanged": True},
    "resources": {"listChanged": True},
}

_LISTS = {
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
_UNCACHED: Json = {"ttlMs": 0, "cacheScope": "private"}


def names_tool(message: Mapping[str, Any]) -> bool:
    """Whether a message is a call of `TOOL`."""
    match message:
        case {"method": "tools/call", "params": {"name": name}}:
            return bool(name == TOOL)
        case _:
            return False


def introduction(message: Mapping[str, Any], link: ConnectLink, server: str) -> Json | None:
    """Return the result of a request that needs no account; None if it needs one.

    Args:
        server: the name of the MCP server.
    """
    method = message.get("method")
    if method == "initialize":
        return _initialized(message, link, server)
    result = _result(method, link, server)
    if result is None or not is_modern(message):
        return result
    caching = {} if method == "ping" else _UNCACHED
    return {"resultType": "complete", **caching, **result}


def connected_result(message: Mapping[str, Any]) -> Json:
    """Return the result of `TOOL` for a person who has connected an account."""
    stated = {"resultType": "complete"} if is_modern(message) else {}
    text = "The account is connected. List the tools of this MCP server again to see all of them."
    return {**stated, "content": [{"type": "text", "text": text}]}


def _result(method: object, link: ConnectLink, server: str) -> Json | None:
    match method:
        case "server/discover":
            return {
                "supportedVersions": [LATEST_MODERN_VERSION, *reversed(HANDSHAKE_PROTOCOL_VERSIONS)],
                "capabilities": CAPABILITIES,
                "serverInfo": _info(server),
                "instructions": _instructions(link),
            }
        case "ping" | "logging/setLevel":
            return {}
        case "tools/list":
            return {"tools": [_tool(link)]}
        case str() if method in _LISTS:
            return {_LISTS[method]: []}
        case _:
            return None


def _initialized(message: Mapping[str, Any], link: ConnectLink, server: str) -> Json:
    match message:
        case {"params": {"protocolVersion": str(version)}} if version in HANDSHAKE_PROTOCOL_VERSIONS:
            revision = version
        case _:
            revision = LATEST_HANDSHAKE_VERSION
    return {
        "protocolVersion": revision,
        "capabilities": CAPABILITIES,
        "serverInfo": _info(server),
        "instructions": _instructions(link),
    }


def _info(server: str) -> Json:
    return {"name": server, "version": VERSION}


def _instructions(link: ConnectLink) -> str:
    return (
        f"The user has not connected a {link.provider} account for this MCP server yet. Its tools are listed "
        f"after that. Call {TOOL} to get the link for the user."
    )


def _tool(link: ConnectLink) -> Json:
    return {
        "name": TOOL,
        "title": f"Connect {link.provider}",
        "description": (
            f"Returns the link at which the user connects a {link.provider} account. The other tools of this "
            "MCP server are available after that."
        ),
        "inputSchema": {"type": "object", "properties": {}},
        "annotations": {"readOnlyHint": True},
    }
