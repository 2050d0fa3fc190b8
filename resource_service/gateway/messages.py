"""JSON-RPC messages as MCP has them: what kind each is, and how they are written. Pure."""

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
    """What `message` is; None where it is no single message of JSON-RPC 2.0 (§4, §5)."""
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
    """MCP: an id is text or a whole number, and never null."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def id_key(value: RequestId) -> tuple[str, RequestId]:
    """Keeps 1 and "1" apart."""
    return (type(value).__name__, value)


def progress_token_of(message: Json) -> RequestId | None:
    """What progress of a request is to be reported under, if it asks for it."""
    match message:
        case {"params": {"_meta": {"progressToken": token}}} if is_id(token):
            return token  # type: ignore[no-any-return]
        case _:
            return None


def read_line(line: bytes) -> Json | None:
    """A message that a server has written; None for what is none, which is not rare on standard output."""
    try:
        message = loads(line)
    except UnreadableError:
        return None
    return message if isinstance(message, dict) else None


def write_line(message: Json) -> bytes:
    """A message on one line.

    Raises:
        ValueError: it holds a number that JSON cannot write.
    """
    return dumps(message)


def error(request_id: RequestId | None, code: int, text: str, data: Any = None) -> Json:  # noqa: ANN401
    """An error response."""
    details = {"code": code, "message": text} | ({} if data is None else {"data": data})
    return {"jsonrpc": "2.0", "id": request_id, "error": details}


def result(request_id: RequestId, value: Json) -> Json:
    """A response that is none."""
    return {"jsonrpc": "2.0", "id": request_id, "result": value}
