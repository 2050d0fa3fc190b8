"""Task ids in the messages of an MCP server, on their way to the client. Pure: text in, text out.

Only a task that a request of this client created, or named, gets an id that the client can use. Any other id
stays as the MCP server wrote it, and is refused if the client sends it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

from resource_service.messages.exact_json import dumps, loads
from resource_service.messages.request_ids import key_of
from resource_service.tasks.requests import RELATED, TaskRequests

_STATUS = ("notifications/tasks", "notifications/tasks/status")
_TELLING = (b"taskId", b'"tasks"')
"""Only text with one of these concerns tasks."""


@dataclass(frozen=True, slots=True)
class TaskIdEditor:
    """Replaces the task ids in a response.

    Attributes:
        requests: that the response answers.
        bound: returns the client's id for an id of the MCP server.
    """

    requests: TaskRequests
    bound: Callable[[str], str]

    @property
    def refuses(self) -> bool:
        """A message that cannot be read passes: an id of the MCP server is of no use to a client."""
        return False

    def shortened(self, text: bytes) -> bytes | None:
        """Return a JSON-RPC message or a batch with the client's ids; None if it can stay unchanged."""
        if not any(word in text for word in _TELLING):
            return None
        try:
            parsed = loads(text)
            messages = parsed if isinstance(parsed, list) else [parsed]
            return dumps(parsed) if any([self._edit(message) for message in messages]) else None  # noqa: C419
        except ValueError:
            return None

    def _edit(self, message: object) -> bool:
        match message:
            case {"method": str(method), "params": dict(params)}:
                edits = [self._replace_related(params), self._replace_listened(params)]
                edits.append(method in _STATUS and self._replace_own(params))
                return any(edits)
            case {"id": request_id, "result": dict(result)}:
                return self._edit_result(key_of(request_id), result)
            case _:
                return False

    def _edit_result(self, key: tuple[str, object], result: dict[str, Any]) -> bool:
        if key in self.requests.initializing:
            return _hide_list(result)
        if key in self.requests.creating:
            return self._replace_created(result)
        inner = result.get("result")
        edits = [self._replace_own(result), self._replace_related(result)]
        edits.append(isinstance(inner, dict) and self._replace_related(inner))
        return any(edits)

    def _replace_created(self, result: dict[str, Any]) -> bool:
        created = result if result.get("resultType") == "task" else result.get("task")
        if not isinstance(created, dict) or not isinstance(created.get("taskId"), str):
            return False
        created["taskId"] = self.bound(created["taskId"])
        return True

    def _replace_own(self, task: dict[str, Any]) -> bool:
        if not self._names(task_id := task.get("taskId")):
            return False
        task["taskId"] = self.bound(task_id)
        return True

    def _names(self, task_id: Any) -> TypeGuard[str]:  # noqa: ANN401
        return isinstance(task_id, str) and task_id in self.requests.named

    def _replace_listened(self, params: dict[str, Any]) -> bool:
        """Replace the ids in the filter that the MCP server acknowledges for a subscription."""
        notifications = params.get("notifications")
        listed = notifications.get("taskIds") if isinstance(notifications, dict) else None
        if not isinstance(notifications, dict) or not isinstance(listed, list):
            return False
        notifications["taskIds"] = [self.bound(item) if self._names(item) else item for item in listed]
        return True

    def _replace_related(self, part: dict[str, Any]) -> bool:
        meta = part.get("_meta")
        related = meta.get(RELATED) if isinstance(meta, dict) else None
        return isinstance(related, dict) and self._replace_own(related)


def _hide_list(result: dict[str, Any]) -> bool:
    """Remove the offer to list tasks, which `read_tasks` refuses."""
    capabilities = result.get("capabilities")
    tasks = capabilities.get("tasks") if isinstance(capabilities, dict) else None
    return isinstance(tasks, dict) and tasks.pop("list", None) is not None
