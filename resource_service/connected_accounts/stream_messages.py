"""The messages of a stream that waits until the person has connected an account. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY

from resource_service.connected_accounts.answers import ConnectLink
from resource_service.messages.jsonrpc import object_in
from resource_service.person_links import Json, completed, is_modern

_CHANGES = {
    "toolsListChanged": "notifications/tools/list_changed",
    "promptsListChanged": "notifications/prompts/list_changed",
    "resourcesListChanged": "notifications/resources/list_changed",
}
"""The members of a subscription, and what they subscribe to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamMessages:
    """The messages of one stream.

    Attributes:
        first: sent at once.
        connected: sent when the account is connected.
        last: sent at the end, whether or not it is.
    """

    first: Sequence[Json] = ()
    connected: Sequence[Json]
    last: Sequence[Json] = ()


def of_session(link: ConnectLink) -> StreamMessages:
    """Return the messages of a session's own stream (MCP 2025-11-25)."""
    changes = ({"jsonrpc": "2.0", "method": method} for method in _CHANGES.values())
    return StreamMessages(connected=(completed(link.elicitation_id), *changes))


def of_subscription(messages: Sequence[Any]) -> StreamMessages | None:
    """Return the messages of a subscription to changes (MCP 2026-07-28); None if the request is not one.

    Resources cannot be subscribed to before the upstream is reached.
    """
    match messages:
        case [{"method": "subscriptions/listen", "id": str() | int() as request_id} as message] if is_modern(
            message
        ):
            return _subscribed(message, request_id)
        case _:
            return None


def _subscribed(message: Mapping[str, Any], request_id: str | int) -> StreamMessages:
    requested = object_in(object_in(message, "params"), "notifications")
    honored = [member for member in _CHANGES if requested.get(member) is True]
    meta = {"_meta": {SUBSCRIPTION_ID_META_KEY: request_id}}
    acknowledged = {"notifications": dict.fromkeys(honored, True), **meta}
    result = {"resultType": "complete", **meta}
    return StreamMessages(
        first=(_notification("notifications/subscriptions/acknowledged", acknowledged),),
        connected=tuple(_notification(_CHANGES[member], meta) for member in honored),
        last=({"jsonrpc": "2.0", "id": request_id, "result": result},),
    )


def _notification(method: str, params: Json) -> Json:
    return {"jsonrpc": "2.0", "method": method, "params": params}
