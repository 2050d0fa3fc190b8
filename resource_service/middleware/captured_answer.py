"""The answer of an MCP server to a request of this service."""

from __future__ import annotations

from starlette.types import Message

from resource_service.messages.exact_json import UnreadableError
from resource_service.messages.jsonrpc import distinct_members
from resource_service.policy.event_stream import Events


class AnswerTooLargeError(Exception):
    """The answer exceeds the limit."""


class CapturedAnswer:
    """A `send` that captures the message that answers a request, from a JSON body or from events.

    Args:
        request_id: the id of the request.
        max_bytes: of the body, or of one event.

    Attributes:
        message: the captured message, or None.
        status: the HTTP status; 0 before the response begins.
        fields: the fields of the response by name, in lower case.
    """

    def __init__(self, request_id: str, max_bytes: int) -> None:
        self.message: object = None
        self.status = 0
        self.fields: dict[bytes, bytes] = {}
        self._request_id = request_id
        self._max_bytes = max_bytes
        self._body = b""
        self._events: Events | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.fields = {name.lower(): value.strip() for name, value in message["headers"]}
            if self.fields.get(b"content-type", b"").lower().startswith(b"text/event-stream"):
                self._events = Events(self._read, max_bytes=self._max_bytes)
        elif message["type"] == "http.response.body":
            self._take(message.get("body", b""), more=message.get("more_body", False))

    def _take(self, chunk: bytes, *, more: bool) -> None:
        if self._events is not None:
            self._events.feed(chunk)
            return
        self._body += chunk
        if len(self._body) > self._max_bytes:
            raise AnswerTooLargeError("the list is too large")
        if not more:
            self._read(self._body)

    def _read(self, text: bytes) -> None:
        try:
            message = distinct_members(text)
        except UnreadableError:
            return
        if isinstance(message, dict) and message.get("id") == self._request_id and "method" not in message:
            self.message = message
