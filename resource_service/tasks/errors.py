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


def task_list_refused() -> Refusal:
    """Refuse to list tasks: the MCP server does not know whose they are."""
    return Refusal(
        Reason.TASK_LIST_REFUSED,
        200,
        "method_not_found",
        "Tasks cannot be listed through the gateway; keep the ids of your tasks.",
        rpc_code=METHOD_NOT_FOUND,
    )
