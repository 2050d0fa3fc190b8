"""How a client is told the link at which a person connects an account, by what the client can do. Pure.

MCP 2025-11-25 has an error for it (URLElicitationRequiredError), MCP 2026-07-28 a result that requires input.
A client that cannot open a link gets it in the text of a tool result, which the model passes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_types import PROTOCOL_VERSION_META_KEY
from mcp_types.jsonrpc import URL_ELICITATION_REQUIRED
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from resource_service.connected_accounts.answers import ConnectLink

NOT_CONNECTED = -32006
"""From the range that MCP leaves to implementations."""

MAY_REQUIRE_INPUT = frozenset({"tools/call", "prompts/get", "resources/read"})
"""The methods of 2026-07-28 whose result may require input."""

INPUT = "doorward_connect"
STATE = "doorward_connect:"
"""Begins the `requestState` of our own results that require input."""

_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"

Json = dict[str, Any]


def is_modern(message: Mapping[str, Any]) -> bool:
    """Whether a message is of a revision without a handshake (2026-07-28)."""
    revision = _meta(message).get(PROTOCOL_VERSION_META_KEY)
    return isinstance(revision, str) and revision not in HANDSHAKE_PROTOCOL_VERSIONS


def opens_links(capabilities: object) -> bool:
    """Whether the capabilities of a client say that it opens links (`elicitation.url`)."""
    match capabilities:
        case {"elicitation": {"url": dict()}}:
            return True
        case _:
            return False


def message_opens_links(message: Mapping[str, Any]) -> bool:
    """Whether a message of 2026-07-28 says that its client opens links."""
    return opens_links(_meta(message).get(_CAPABILITIES))


def is_answered(message: Mapping[str, Any]) -> bool:
    """Whether a message repeats a request after our own result that required input."""
    state = _params(message).get("requestState")
    return isinstance(state, str) and state.startswith(STATE)


def is_accepted(message: Mapping[str, Any]) -> bool:
    """Whether the person has agreed to open the link of our own result that required input."""
    match _params(message).get("inputResponses"):
        case {"doorward_connect": {"action": "accept"}}:
            return True
        case _:
            return False


def without_answer(message: Mapping[str, Any]) -> Json:
    """Return a request without what answers our own result that required input."""
    kept = {
        name: value
        for name, value in _params(message).items()
        if name not in ("inputResponses", "requestState")
    }
    return {**message, "params": kept}


def refusal_with_link(message: Mapping[str, Any], link: ConnectLink, *, opens_links: bool) -> Json:
    """Return the response to a request that needs an account.

    Args:
        opens_links: whether its client does.
    """
    method = message.get("method")
    answer = {"jsonrpc": "2.0", "id": message.get("id")}
    if is_modern(message):
        if opens_links and method in MAY_REQUIRE_INPUT and not is_answered(message):
            return {**answer, "result": _input_required(link)}
    elif opens_links:
        return {**answer, "error": _elicitation_required(link)}
    if method == "tools/call":
        stated = {"resultType": "complete"} if is_modern(message) else {}
        content = [{"type": "text", "text": link_text(link)}]
        return {**answer, "result": {**stated, "content": content, "isError": True}}
    data = {"error": "not_connected", "reason_code": "not_connected", "url": link.url}
    return {**answer, "error": {"code": NOT_CONNECTED, "message": link_text(link), "data": data}}


def link_text(link: ConnectLink) -> str:
    """Return the sentences for a model."""
    return (
        f"No {link.provider} account is connected for this MCP server. Show this link to the user, who logs "
        f"in there and connects the account; then try again: {link.url} (valid for {_minutes(link)})."
    )


def link_message(link: ConnectLink) -> str:
    """Return the sentence for a person whose client opens the link."""
    return f"Connect your {link.provider} account, so that this MCP server can use it for you."


def completed(elicitation_id: str) -> Json:
    """Return the notification that the person has done what a link was for (MCP 2025-11-25)."""
    return {
        "jsonrpc": "2.0",
        "method": "notifications/elicitation/complete",
        "params": {"elicitationId": elicitation_id},
    }


def _minutes(link: ConnectLink) -> str:
    minutes = max(1, link.expires_in // 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"


def _input_required(link: ConnectLink) -> Json:
    params = {"mode": "url", "message": link_message(link), "url": link.url}
    return {
        "resultType": "input_required",
        "inputRequests": {INPUT: {"method": "elicitation/create", "params": params}},
        "requestState": f"{STATE}{link.elicitation_id}",
    }


def _elicitation_required(link: ConnectLink) -> Json:
    elicitation = {
        "mode": "url",
        "elicitationId": link.elicitation_id,
        "url": link.url,
        "message": link_message(link),
    }
    return {
        "code": URL_ELICITATION_REQUIRED,
        "message": link_message(link),
        "data": {"elicitations": [elicitation]},
    }


def _meta(message: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = _params(message).get("_meta")
    return meta if isinstance(meta, dict) else {}


def _params(message: Mapping[str, Any]) -> Mapping[str, Any]:
    params = message.get("params")
    return params if isinstance(params, dict) else {}
