"""Binds the task ids of a request to its principal, for the guard (GW-8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from mcp.shared.inbound import encode_header_value
from starlette.types import ASGIApp, Scope

from resource_service.messages.exact_json import dumps
from resource_service.messages.jsonrpc import Posted
from resource_service.policy.list_filter import with_filtered_lists
from resource_service.principal import Principal
from resource_service.tasks.errors import task_method_unavailable, task_unknown
from resource_service.tasks.ids import TaskIds
from resource_service.tasks.requests import TaskRequests, UnavailableMethodError, UnknownTaskError, read_tasks
from resource_service.tasks.results import TaskIdEditor

_NAME = b"mcp-name"
_TELLING = (b"tasks/", b'"task"', b"/tasks", b"/related-task", b'"taskIds"', b'"initialize"')
"""Only a body with one of these concerns tasks."""


@dataclass(frozen=True, slots=True)
class BoundRequest:
    """The messages of a POST with the task ids of the MCP server.

    Attributes:
        tasks: None if they do not concern tasks.
    """

    posted: Posted
    tasks: TaskRequests | None = None

    def scope_for_server(self, scope: Scope) -> Scope:
        """Return the request's scope, whose ``Mcp-Name`` is the id that the MCP server knows (SEP-2243)."""
        if self.tasks is None or not self.tasks.named or len(self.tasks.messages) != 1:
            return scope
        message = self.tasks.messages[0]
        params = message.get("params") if isinstance(message, dict) else None
        task_id = params.get("taskId") if isinstance(params, dict) else None
        if not isinstance(task_id, str) or task_id not in self.tasks.named:
            return scope
        name = (_NAME, encode_header_value(task_id).encode("latin-1"))
        fields = [
            name if field[0].lower().replace(b"_", b"-") == _NAME else field for field in scope["headers"]
        ]
        return {**scope, "headers": fields}


@dataclass(frozen=True, slots=True)
class TaskBinding:
    """The task ids of one resource."""

    ids: TaskIds

    def read(self, posted: Posted, principal: Principal) -> BoundRequest:
        """Replace the task ids in the messages of `principal`.

        Raises:
            Refusal: they name a task that is not the principal's, or ask for all tasks.
        """
        if not any(word in posted.body for word in _TELLING):
            return BoundRequest(posted)
        try:
            tasks = read_tasks(posted.messages, partial(self.ids.opened, owner=principal.key))
        except UnknownTaskError:
            raise task_unknown(f"not a task of {principal.owner} through {principal.client_id}") from None
        except UnavailableMethodError as error:
            raise task_method_unavailable(str(error)) from None
        if not tasks.named:
            return BoundRequest(posted, tasks)
        messages = [*tasks.messages]
        body = dumps(messages if posted.is_batch else messages[0])
        return BoundRequest(replace(posted, messages=messages, body=body), tasks)

    def answering(self, app: ASGIApp, request: BoundRequest | None, principal: Principal) -> ASGIApp:
        """Wrap `app` so that its response to `request` contains the task ids of `principal`."""
        tasks = request.tasks if request is not None else None
        if tasks is None or not tasks.concern_results:
            return app
        return with_filtered_lists(app, TaskIdEditor(tasks, partial(self.ids.bound, owner=principal.key)))
