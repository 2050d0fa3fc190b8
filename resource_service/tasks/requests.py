"""Task ids in the messages of a client (SEP-2663, and tasks of MCP 2025-11-25). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp_types import CLIENT_CAPABILITIES_META_KEY, PROTOCOL_VERSION_META_KEY

from resource_service.messages.jsonrpc import object_in
from resource_service.messages.listening import LISTEN
from resource_service.messages.request_ids import key_of

EXTENSION = "io.modelcontextprotocol/tasks"
RELATED = "io.modelcontextprotocol/related-task"
LIST, RESULT, INITIALIZE = "tasks/list", "tasks/result", "initialize"
_OF_A_TASK = "tasks/"

RequestKey = tuple[str, object]
"""See `key_of`."""

Opened = Callable[[object], str | None]
"""Returns the MCP server's id for an id of the client; None if it is not the client's."""


class UnknownTaskError(ValueError):
    """A request names a task that its sender did not create."""


class UnavailableMethodError(ValueError):
    """A request asks for the tasks of everybody, or is not one of its revision. The message is its method."""


@dataclass(frozen=True, slots=True)
class TaskRequests:
    """The messages of a client, and the tasks that they concern.

    Attributes:
        messages: with the ids of the MCP server.
        named: the ids that they name, as the MCP server knows them.
        creating: the requests whose result may be a new task.
        initializing: the requests whose result may offer a list of tasks.
    """

    messages: Sequence[object]
    named: frozenset[str]
    creating: frozenset[RequestKey]
    initializing: frozenset[RequestKey]

    @property
    def concern_results(self) -> bool:
        """Whether a response to the messages may contain the id of a task."""
        return bool(self.named or self.creating or self.initializing)


def read_tasks(messages: Sequence[object], opened: Opened) -> TaskRequests:
    """Replace the task ids of a client with those of the MCP server.

    Raises:
        UnknownTaskError: a request names a task that its sender did not create.
        UnavailableMethodError: a request asks for a list of tasks, or for a result in 2026-07-28.
    """
    named: set[str] = set()
    replaced = [_with_server_ids(message, opened, named) for message in messages]
    return TaskRequests(
        messages=replaced,
        named=frozenset(named),
        creating=frozenset(_keys_of(messages, _may_create)),
        initializing=frozenset(_keys_of(messages, _initializes)),
    )


def _keys_of(messages: Iterable[object], chosen: Callable[[Mapping[str, Any]], bool]) -> Iterator[RequestKey]:
    for message in messages:
        if isinstance(message, dict) and "id" in message and chosen(message):
            yield key_of(message["id"])


def _initializes(message: Mapping[str, Any]) -> bool:
    return message.get("method") == INITIALIZE


def _may_create(message: Mapping[str, Any]) -> bool:
    """Check whether the sender of a request accepts a task in place of the result."""
    method, params = message.get("method"), object_in(message, "params")
    if not isinstance(method, str) or method.startswith(_OF_A_TASK):
        return False
    capabilities = object_in(object_in(params, "_meta"), CLIENT_CAPABILITIES_META_KEY)
    return "task" in params or EXTENSION in object_in(capabilities, "extensions")


def _with_server_ids(message: object, opened: Opened, named: set[str]) -> object:
    if not isinstance(message, dict):
        return message
    method, member = message.get("method"), "params" if "method" in message else "result"
    part = object_in(message, member)
    is_request = isinstance(method, str) and "id" in message
    if is_request and _is_unavailable(method, part):
        raise UnavailableMethodError(method)
    changed: dict[str, object] = {}
    if is_request and isinstance(method, str) and method.startswith(_OF_A_TASK):
        changed["taskId"] = _server_id(part.get("taskId"), opened, named)
    if is_request and method == LISTEN:
        changed.update(_listened(part, opened, named))
    if meta := _related(part, opened, named, must_be_own=is_request):
        changed["_meta"] = meta
    return {**message, member: {**part, **changed}} if changed else message


def _is_unavailable(method: object, params: Mapping[str, Any]) -> bool:
    """Check whether a method lists the tasks of everybody, or has been removed (SEP-2663)."""
    is_modern = PROTOCOL_VERSION_META_KEY in object_in(params, "_meta")
    return method == LIST or (method == RESULT and is_modern)


def _server_id(bound_id: object, opened: Opened, named: set[str]) -> str:
    task_id = opened(bound_id)
    if task_id is None:
        raise UnknownTaskError
    named.add(task_id)
    return task_id


def _listened(params: Mapping[str, Any], opened: Opened, named: set[str]) -> dict[str, object]:
    """Replace the ids in the filter of a subscription."""
    wanted = object_in(params, "notifications")
    if "taskIds" not in wanted:
        return {}
    listed = wanted["taskIds"]
    if not isinstance(listed, list):
        raise UnknownTaskError
    return {"notifications": {**wanted, "taskIds": [_server_id(item, opened, named) for item in listed]}}


def _related(
    part: Mapping[str, Any], opened: Opened, named: set[str], *, must_be_own: bool
) -> dict[str, object] | None:
    """Return the ``_meta`` with the id of the MCP server, if it names a related task.

    A response may be about a task that the client itself runs (2025-11-25), whose id stays as it is.
    """
    meta = object_in(part, "_meta")
    related = meta.get(RELATED)
    if related is None:
        return None
    task_id = opened(related.get("taskId")) if isinstance(related, dict) else None
    if task_id is None:
        if must_be_own:
            raise UnknownTaskError
        return None
    named.add(task_id)
    return {**meta, RELATED: {**related, "taskId": task_id}}
