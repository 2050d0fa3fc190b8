"""Checks whether a non-streaming HTTP response answers its JSON-RPC requests. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from resource_service.messages.request_ids import RequestId, key_of

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
JSON = "application/json"


def fault_in_type(status: int, content_type: str) -> str | None:
    """Return why a response of this type cannot answer any request, whatever its body; None if it can."""
    if status == 202:
        return "its status is 202, without a response"
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != JSON:
        return f"it is {media_type[:100] or 'of no type'}, and neither JSON nor a stream of events"
    return None


def fault_in_body(body: bytes, request_ids: Sequence[RequestId]) -> str | None:
    """Return why `body` does not answer every request of `request_ids`; None if it does."""
    if not body.strip():
        return "it is empty"
    try:
        parsed = _decode(body.removeprefix(BYTE_ORDER_MARK).decode("utf-8"))
    except (ValueError, RecursionError):
        return "it is not JSON in UTF-8"
    answered = {key_of(message["id"]) for message in _messages(parsed) if _is_answer(message)}
    unanswered = [request_id for request_id in request_ids if key_of(request_id) not in answered]
    if not answered:
        return "it is not a JSON-RPC 2.0 response"
    if len(unanswered) == len(request_ids):
        return "its id does not match a request"
    return "it leaves requests without an answer" if unanswered else None


def fault_at_ends(body: bytes | bytearray) -> str | None:
    """Return why a body that is too large to parse looks truncated; None if it does not."""
    first, last = body[:100].removeprefix(BYTE_ORDER_MARK).lstrip()[:1], body[-100:].rstrip()[-1:]
    return None if (first, last) in ((b"{", b"}"), (b"[", b"]")) else "it is not JSON in UTF-8"


def _messages(parsed: object) -> list[Any]:
    return parsed if isinstance(parsed, list) else [parsed]


def _is_answer(message: dict[str, Any]) -> bool:
    """Check whether `message` is a response: JSON-RPC 2.0 §5, and per MCP a result is an object."""
    match message:
        case {"method": _}:
            return False
        case {"jsonrpc": "2.0", "id": _, "result": dict()}:
            return "error" not in message
        case {"jsonrpc": "2.0", "id": _, "error": {"code": int(), "message": str()}}:
            return "result" not in message
        case _:
            return False


def _refuse(_name: str) -> NoReturn:
    raise ValueError("JSON has no such number")


_decode = json.JSONDecoder(parse_constant=_refuse).decode
