"""The refusals of the joined URL itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resource_service.errors import Refusal
from resource_service.reasons import Reason

INVALID_PARAMS = -32602
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601


def mount_unavailable(mount: str, why: str) -> Refusal:
    """One mount is not available; the others are."""
    description = f"The MCP server {mount} is not available at the moment; the others are. Try again later."
    detail = f"{mount}: {why}"
    return Refusal(Reason.JOINED_MOUNT_UNAVAILABLE, 503, "upstream_unavailable", description, detail=detail)


def unknown_name(why: str) -> Refusal:
    """Nothing behind this URL has that name. With 200: the message of the error reaches the model."""
    description = f"There is no such thing behind this URL: {why}."
    return Refusal(Reason.JOINED_NAME_UNKNOWN, 200, "invalid_request", description, rpc_code=INVALID_PARAMS)


def stale_cursor() -> Refusal:
    """The list has changed since the page before."""
    description = "The cursor is no longer valid. Request the list from its beginning."
    return Refusal(Reason.JOINED_CURSOR_INVALID, 200, "invalid_request", description, rpc_code=INVALID_PARAMS)


def unavailable_method(method: str, *, status: int = 200) -> Refusal:
    """A method that cannot be passed on to one mount, since it names none."""
    description = (
        f"The method {method[:100]!r} is not available behind this URL; use the URL of the MCP server."
    )
    return Refusal(
        Reason.JOINED_METHOD_UNAVAILABLE, status, "invalid_request", description, rpc_code=METHOD_NOT_FOUND
    )


def missing_method(method: str) -> Refusal:
    """A method that is not available in revision 2026-07-28, which wants 404 (MCP, "Streamable HTTP")."""
    return unavailable_method(method, status=404)


class UnacceptableEnvelope(Refusal):
    """A request without what each one of revision 2026-07-28 has.

    Args:
        data: members of the error's data that the specification wants.
    """

    def __init__(self, code: int, says: str, data: Mapping[str, Any]) -> None:
        super().__init__(Reason.MESSAGE_MALFORMED, 400, "invalid_request", says[:200], rpc_code=code)
        self._data = data

    def rpc_answer(self, request_id: object, code: int) -> dict[str, object]:
        """Return the response to a JSON-RPC request: an error with `code`."""
        answer = super().rpc_answer(request_id, code)
        error: Any = answer["error"]
        return {**answer, "error": {**error, "data": {**error["data"], **self._data}}}


def unacceptable_envelope(code: int, says: str, data: object) -> Refusal:
    """A request of revision 2026-07-28 whose version is not supported, or that lacks what it must state."""
    return UnacceptableEnvelope(code, says, data if isinstance(data, dict) else {})


def not_one_message() -> Refusal:
    """A batch may be for several mounts, with one status for all; clients since 2025-06-18 send none."""
    description = "Behind this URL, each request has one JSON-RPC message, not a batch."
    return Refusal(Reason.JOINED_BATCH, 400, "invalid_request", description, rpc_code=INVALID_REQUEST)
