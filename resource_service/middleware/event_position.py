"""Tracks the position in a stream of server-sent events, and which requests have been answered.

Pure. The WHATWG HTML standard, §9.2.5: lines end with CR LF, LF or CR; an event ends with an empty line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import NoReturn

from resource_service.messages.garbled import is_lost_answer
from resource_service.messages.request_ids import RequestId, key_of

MAX_LOOKED_AT_BYTES = 65_536
"""A larger event is assumed to be an answer without parsing: notifications are small."""

_END_OF_LINE = rb"(?:\r\n|\n|\r(?!\n))"
_END_OF_EVENT = re.compile(_END_OF_LINE + rb"(?:\r\n|\n|\r)")
_AT_END_OF_EVENT = re.compile(_END_OF_LINE + rb"(?:\r\n|\n|\r)\Z")
_ID_LINE = re.compile(rb"(?:\A|[\r\n])id:?")
_DATA_LINE = re.compile(rb"(?:\A|(?<=[\r\n]))data: ?([^\r\n]*)")
_OUTCOME = re.compile(rb'"(?:result|error)"')
_LONGEST_END = 4


class EventPosition:
    """Follows a stream while it is forwarded.

    Args:
        request_ids: the ids of the requests that the stream must answer.

    Attributes:
        unanswered: the ids that have no answer yet.
        fault: why an event that was meant as an answer is not one; empty without such an event.
        resumable: whether an event had an id, so that a client can resume after it.
    """

    def __init__(self, request_ids: Iterable[RequestId]) -> None:
        self.unanswered = list(request_ids)
        self.fault = ""
        self._request_keys = {key_of(request_id) for request_id in self.unanswered}
        self.resumable = False
        self._event = b""
        self._large = False
        self._tail = b"\n\n"

    @property
    def between_events(self) -> bool:
        """Whether the position is between two events, where something may be inserted."""
        return _AT_END_OF_EVENT.search(self._tail) is not None

    def feed(self, chunk: bytes) -> None:
        """Update the position after `chunk` has been forwarded."""
        self._tail = (self._tail + chunk)[-_LONGEST_END:]
        self._event += chunk
        start = 0
        for end in _END_OF_EVENT.finditer(self._event):
            self._look_at(self._event[start : end.end()])
            start, self._large = end.end(), False
        self._event = self._event[start:]
        if len(self._event) > MAX_LOOKED_AT_BYTES:
            self._large, self._event = True, self._event[:1_024] + self._event[-_LONGEST_END:]

    def closing(self) -> bytes:
        """Return what makes clients ignore an event that will stay unfinished; empty between events.

        The last `event` field of an event counts, and MCP clients only process `message` events.
        """
        if self.between_events:
            return b""
        line_break = b"" if self._tail.endswith((b"\n", b"\r")) else b"\n"
        return line_break + b"event: cut-off\n\n"

    def _look_at(self, event: bytes) -> None:
        self.resumable = self.resumable or _ID_LINE.search(event) is not None
        if self._large:
            del self.unanswered[:1]
        elif self.unanswered and (_OUTCOME.search(event) or b'"method"' not in event):
            self._note(b"\n".join(_DATA_LINE.findall(event)))

    def _note(self, data: bytes) -> None:
        try:
            parsed = json.loads(data, parse_constant=_refuse)
        except (ValueError, RecursionError):
            if is_lost_answer(data):
                self.fault = "The MCP server sent a malformed event: it is not JSON in UTF-8."
            return
        for message in parsed if isinstance(parsed, list) else [parsed]:
            if isinstance(message, dict) and ("result" in message or "error" in message):
                self._note_answer(message.get("id"))

    def _note_answer(self, response_id: object) -> None:
        if key_of(response_id) not in self._request_keys:
            self.fault = "The MCP server sent a response with an id that matches no request."
        self.unanswered = [
            request_id for request_id in self.unanswered if key_of(request_id) != key_of(response_id)
        ]


def event_of(message: object) -> bytes:
    """Serialize a message as an event."""
    return b"event: message\ndata: %b\n\n" % json.dumps(message, separators=(",", ":")).encode()


def _refuse(_name: str) -> NoReturn:
    raise ValueError("JSON has no such number")
