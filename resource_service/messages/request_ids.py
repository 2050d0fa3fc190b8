"""The ids of the JSON-RPC requests in an HTTP request, which the response must answer."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from starlette.types import Scope

RequestId = str | int

_KEY = "doorward.request_ids"
_own_numbers = count(1)


def next_own_id() -> str:
    """Return an id for a request of this service that no other request of it in the same session has.

    Unique ids within a session: MCP 2025-11-25, "Requests". It is text, which the ids of clients in the same
    session rarely are.
    """
    return f"doorward-{next(_own_numbers)}"


def request_ids(messages: Iterable[object]) -> list[RequestId]:
    """Return the ids of those messages that are requests, in order."""
    return [
        message["id"]
        for message in messages
        if isinstance(message, dict)
        and isinstance(message.get("method"), str)
        and isinstance(message.get("id"), str | int)
        and not isinstance(message.get("id"), bool)
    ]


_READING = frozenset(
    {
        *("initialize", "server/discover", "ping", "prompts/get", "prompts/list", "resources/list"),
        *("resources/read", "resources/templates/list", "tools/list"),
    }
)


def may_be_repeated(messages: Iterable[object]) -> bool:
    """Whether sending the messages a second time does no harm: every one of them only reads."""
    return all(isinstance(message, dict) and _method(message) in _READING for message in messages)


def _method(message: dict[str, object]) -> str:
    method = message.get("method")
    return method if isinstance(method, str) else ""


def key_of(request_id: object) -> tuple[str, object]:
    """Return a dictionary key for an id that distinguishes 1 from "1"."""
    return (type(request_id).__name__, request_id if isinstance(request_id, str | int) else None)


def note_request_ids(scope: Scope, request_ids: list[RequestId]) -> None:
    """Store the ids to answer on the HTTP request's scope."""
    scope[_KEY] = request_ids


def noted_request_ids(scope: Scope) -> list[RequestId]:
    """Return the ids stored on the HTTP request's scope."""
    noted: list[RequestId] = scope.get(_KEY, [])
    return noted
