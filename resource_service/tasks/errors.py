"""The refusals of requests about tasks."""

from __future__ import annotations

from mcp_types.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND

from resource_service.errors import Refusal
from resource_service.reasons import Reason


def task_unknown(detail: str) -> Refusal:
    """Refuse a request about a task that its sender did not create, or that never existed (SEP-2663).

    With 200, as the MCP server itself answers for an unknown task.
    """
    return Refusal(
        Reason.TASK_UNKNOWN,
        200,
        "task_not_found",
        "There is no such task.",
        detail=detail,
        rpc_code=INVALID_PARAMS,
    )


def task_method_unavailable(method: str) -> Refusal:
    """Refuse to list tasks, of which the MCP server does not know whose they are, or a removed method."""
    return Refusal(
        Reason.TASK_METHOD_UNAVAILABLE,
        200,
        "method_not_found",
        f"{method} is not available. Keep the ids of your tasks, and use tasks/get.",
        rpc_code=METHOD_NOT_FOUND,
    )
