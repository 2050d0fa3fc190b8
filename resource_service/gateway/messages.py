"""JSON-RPC messages as MCP defines them: their kinds and their serialization. Pure."""

from __future__ import annotations

from typing import Any, Literal

from resource_service.messages.exact_json import UnreadableError, dumps, loads

CONNECTION_CLOSED = -32000
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INTERNAL_ERROR = -32603
UNSUPPORTED_PROTOCOL_VERSION = -32022

Json = dict[str, Any]
RequestId = str | int
Kind = Literal["request", "notification", "response"]


def kind_of(message: object) -> Kind | None:
    """Return the kind of `message`; None if it is not a single JSON-RPC 2.0 message (§4, §5)."""
    match message:
        case {"method": str(), "id": id_}:
            return "request" if is_id(id_) else None
        case {"method": str()}:
            return "notification"
        case {"id": id_, "result": _} | {"id": id_, "error": _}:
            return "response" if is_id(id_) else None
        case _:
            return None


def is_id(value: object) -> bool:
    """Check whether `value` is a valid id: MCP allows strings and integers, never null."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def id_key(value: RequestId) -> tuple[str, RequestId]:
    """Return a dictionary key for an id that distinguishes 1 from "1"."""
    return (type(value).__name__, value)


def progress_token_of(message: Json) -> RequestId | None:
    """Return the token under which the request wants its progress reported, if any."""
    match message:
        case {"params": {"_meta": {"progressToken": token}}} if is_id(token):
            return token  # type: ignore[no-any-return]
        case _:
            return None


def read_line(line: bytes) -> Json | None:
    """Parse a line of a server's output; None if it is not a message, which is common on standard output."""
    try:
        message = loads(line)
    except UnreadableError:
        return None
    return message if isinstance(message, dict) else None


def write_line(message: Json) -> bytes:
    """Serialize a message on one line.

    Raises:
        ValueError: the message contains a number that JSON cannot represent.
    """
    return dumps(message)


def error(request_id: RequestId | None, code: int, text: str, data: Any = None) -> Json:  # noqa: ANN401
    """Build an error response."""
    details = {"code": code, "message": text} | ({} if data is None else {"data": data})
    return {"jsonrpc": "2.0", "id": request_id, "error": details}


def result(request_id: RequestId, value: Json) -> Json:
    """Build a success response."""
    return {"jsonrpc": "2.0", "id": request_id, "result": value}
