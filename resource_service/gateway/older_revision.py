"""Translate a 2026-07-28 request for a server that supports only earlier revisions. Pure.

Earlier revisions begin with a handshake. The gateway performs it in its own name and without client
capabilities, since a process without a session has no client to send requests to.
"""

from __future__ import annotations

from mcp_types.version import LATEST_HANDSHAKE_VERSION

from resource_service.gateway import messages
from resource_service.gateway.messages import Json, RequestId
from shared.version import VERSION

RESERVED = "io.modelcontextprotocol/"
NOT_IN_OLDER = frozenset({"server/discover", "subscriptions/listen"})
"""Methods that the older revisions do not have."""

NOT_IN_NEWER = frozenset(
    {"initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"}
)
"""Methods that revision 2026-07-28 does not have: they change a connection, and it has no connections."""

CACHEABLE = frozenset(
    {"tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read"}
)

HANDSHAKE: Json = {
    "protocolVersion": LATEST_HANDSHAKE_VERSION,
    "capabilities": {},
    "clientInfo": {"name": "doorward", "version": VERSION},
}


def older_request(message: Json) -> Json:
    """Return `message` without members that the older revisions do not define."""
    params = message.get("params")
    if not isinstance(params, dict) or not isinstance(params.get("_meta"), dict):
        return message
    meta = {name: value for name, value in params["_meta"].items() if not name.startswith(RESERVED)}
    others = {name: value for name, value in params.items() if name != "_meta"}
    return {**message, "params": {**others, **({"_meta": meta} if meta else {})}}


def newer_response(method: str, response: Json) -> Json:
    """Return `response` with the members that revision 2026-07-28 requires in a result."""
    result = response.get("result")
    if not isinstance(result, dict):
        return response
    caching = {"ttlMs": 0, "cacheScope": "private"} if method in CACHEABLE else {}
    return {**response, "result": {"resultType": "complete", **caching, **result}}


def no_discovery(request_id: RequestId, supported: str) -> Json:
    """Tell a client that supports both revisions to open a session with this server instead."""
    return messages.error(
        request_id,
        messages.UNSUPPORTED_PROTOCOL_VERSION,
        "This MCP server speaks an older revision; initialize a session.",
        {"supported": [supported], "requested": "2026-07-28"},
    )
