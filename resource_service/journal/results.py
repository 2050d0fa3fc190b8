"""The result of a call, as its response shows it."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Any

from starlette.types import Message

MAX_EXAMINED = 65_536
"""Bytes of one part of a response that are examined for errors."""

_TOOL_ERROR = re.compile(rb'"isError"\s*:\s*true')
_EVENTS = (b"event:", b"data:", b"id:", b":", b"retry:", b"\n", b"\r")


class Result(StrEnum):
    """The classes of results."""

    OK = "ok"
    ERROR = "error"
    REFUSED = "refused"
    FAILED = "failed"
    CUT_OFF = "cut off"


class WatchedResponse:
    """Notes status, size and errors of a response on its way to the client."""

    __slots__ = ("_is_complete", "_is_error", "size", "status")

    def __init__(self) -> None:
        self.status: int | None = None
        self.size = 0
        self._is_error = self._is_complete = False

    def note(self, message: Message) -> None:
        """Note a message of the response."""
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            self.size += len(body)
            self._is_error = self._is_error or has_error(body)
            self._is_complete = not message.get("more_body", False)
        elif message["type"] == "http.response.start":
            self.status = message["status"]

    @property
    def result(self) -> Result:
        """The class of the result."""
        if self.status is None or not self._is_complete:
            return Result.CUT_OFF
        if self.status >= 500:
            return Result.FAILED
        if self.status >= 400:
            return Result.REFUSED
        return Result.ERROR if self._is_error else Result.OK


def has_error(body: bytes) -> bool:
    """Whether a part of a response, JSON or events, has a JSON-RPC error, or a tool that failed."""
    # Most responses have neither, and are not parsed.
    if (b'"error"' not in body and not _TOOL_ERROR.search(body)) or len(body) > MAX_EXAMINED:
        return False
    return any(map(_is_error, body.splitlines() if body.startswith(_EVENTS) else (body,)))


def _is_error(text: bytes) -> bool:
    try:
        message: Any = json.loads(text.removeprefix(b"data:"))
    except (ValueError, RecursionError):
        return False
    messages = message if isinstance(message, list) else [message]
    return any(isinstance(each, dict) and _has_error(each) for each in messages)


def _has_error(message: dict[str, Any]) -> bool:
    result = message.get("result")
    return "error" in message or (isinstance(result, dict) and result.get("isError") is True)
