"""The answers of this service instead of an upstream, before the person has connected an account. Pure.

Many upstreams refuse every request without a credential, even `initialize`. So the client is introduced to
a server with one tool, whose result is the link; the upstream's own tools are listed once it is connected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Placeholder:
    """The server that this service is until an account is connected.

    Attributes:
        server: the name of the MCP server.
        tool: the name by which the client calls `TOOL`: another one if several mounts are joined.
    """

    link: ConnectLink
    server: str
    tool: str = TOOL


def introduction(message: Mapping[str, Any], placeholder: Placeholder) -> Json | None:
    """Return the result of a request that needs no account; None if it needs one."""
    method = message.get("method")
    if method == "initialize":
        return _initialized(message, placeholder)
    result = _result(method, placeholder)
    if result is None or not is_modern(message):
        return result
    caching = {} if method == "ping" else _UNCACHED
    return {"resultType": "complete", **caching, **result}


def connected_result(message: Mapping[str, Any], server: str) -> Json:
    """Return the result of `TOOL` for a person who has connected an account.

    Args:
        server: the name of the MCP server.
    """
    stated = {"resultType": "complete"} if is_modern(message) else {}
    text = f"The account is connected. List the tools again to see all those of {server}."
    return {**stated, "content": [{"type": "text", "text": text}]}


def _result(method: object, placeholder: Placeholder) -> Json | None:
    match method:
        case "server/discover":
            return {
                "supportedVersions": [LATEST_MODERN_VERSION, *reversed(HANDSHAKE_PROTOCOL_VERSIONS)],
                "capabilities": CAPABILITIES,
                "serverInfo": _info(placeholder.server),
                "instructions": _instructions(placeholder),
            }
        case "ping" | "logging/setLevel":
            return {}
        case "tools/list":
            return {"tools": [_tool(placeholder)]}
        case str() if method in _LISTS:
            return {_LISTS[method]: []}
        case _:
            return None


def _initialized(message: Mapping[str, Any], placeholder: Placeholder) -> Json:
    match message:
        case {"params": {"protocolVersion": str(version)}} if version in HANDSHAKE_PROTOCOL_VERSIONS:
            revision = version
        case _:
            revision = LATEST_HANDSHAKE_VERSION
    return {
        "protocolVersion": revision,
        "capabilities": CAPABILITIES,
        "serverInfo": _info(placeholder.server),
        "instructions": _instructions(placeholder),
    }


def _info(server: str) -> Json:
    return {"name": server, "version": VERSION}


def _instructions(placeholder: Placeholder) -> str:
    account = f"{placeholder.link.provider} account for {placeholder.server}"
    return (
        f"The user has not connected a {account} yet. Its tools are listed after that. "
        f"Call {placeholder.tool} to get the link for the user."
    )


def _tool(placeholder: Placeholder) -> Json:
    provider = placeholder.link.provider
    return {
        "name": TOOL,
        "title": f"Connect {provider}",
        "description": (
            f"Returns the link at which the user connects a {provider} account for {placeholder.server}. Its "
            "other tools are available after that."
        ),
        "inputSchema": {"type": "object", "properties": {}},
        "annotations": {"readOnlyHint": True},
    }
