"""Edit responses with lists on the way to the client.

Only responses that may contain a list are inspected, and only those that do are changed; all others pass byte
for byte. A response that is larger than `MAX_BYTES`, compressed or not understood passes unchanged, or is
refused, as the editor wishes.
"""

from __future__ import annotations

from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resource_service.errors import list_unreadable
from resource_service.policy.event_stream import Events
from shared.logs import get_logger

MAX_BYTES = 4_194_304
EVENT_STREAM = b"text/event-stream"
JSON = b"application/json"

_log = get_logger(__name__)

_ABOUT_THE_BYTES = frozenset({b"content-length", b"content-digest", b"repr-digest", b"digest", b"etag"})


class UneditableError(Exception):
    """A message cannot be read."""


class Editor(Protocol):
    """Edits JSON-RPC messages on their way to one caller.

    Attributes:
        refuses: whether nothing may pass that it has not read.
    """

    @property
    def refuses(self) -> bool: ...

    def shortened(self, text: bytes) -> bytes | None:
        """Return the replacement for a message or a batch; None if it can stay unchanged.

        Raises:
            UneditableError: it cannot be read, and `refuses` is true.
        """


def with_filtered_lists(app: ASGIApp, editor: Editor) -> ASGIApp:
    """Wrap `app` to edit its responses for one caller."""

    async def shortened(scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(send, editor)
        await app(_uncompressed(scope), receive, answer)
        await answer.release()

    return shortened


def _uncompressed(scope: Scope) -> Scope:
    """Make the request ask for an uncompressed response (RFC 9110 §12.5.3)."""
    headers = [field for field in scope["headers"] if field[0] != b"accept-encoding"]
    return {**scope, "headers": [*headers, (b"accept-encoding", b"identity")]}


class _Answer:
    """A `send` that buffers what it needs for a decision: a complete JSON response, or one event."""

    def __init__(self, send: Send, editor: Editor) -> None:
        self._send = send
        self._editor = editor
        self._events: Events | None = None
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif message["type"] != "http.response.body":
            await self._send(message)
        elif self._events is not None:
            await self._pass_events(self._events, message)
        elif self._start is not None:
            await self._hold(self._start, message)
        else:
            await self._send(message)

    async def release(self) -> None:
        """Send the buffered part if the app ended in the middle of its response."""
        if self._start is not None:
            start, self._start = self._start, None
            await self._send(start)
            if self._body:
                await self._send({"type": "http.response.body", "body": self._body, "more_body": True})

    async def _begin(self, start: Message) -> None:
        fields = {name.lower(): value.strip().lower() for name, value in start["headers"]}
        media_type = fields.get(b"content-type", b"").partition(b";")[0].strip()
        readable = fields.get(b"content-encoding", b"identity") == b"identity"
        if readable and media_type == EVENT_STREAM and b"content-length" not in fields:
            self._events = Events(self._edited_event, max_bytes=MAX_BYTES, drop=self._editor.refuses)
        elif readable and media_type == JSON:
            self._start = start
            return
        elif self._editor.refuses and media_type in (JSON, EVENT_STREAM):
            raise list_unreadable("the response is compressed")
        await self._send(start)

    def _edited_event(self, data: bytes) -> bytes | None:
        try:
            return self._editor.shortened(data)
        except UneditableError as error:
            _log.warning("an event of the MCP server was left out", reason=str(error))
            return b""

    def _edited_body(self) -> bytes | None:
        try:
            return self._editor.shortened(self._body)
        except UneditableError as error:
            raise list_unreadable(str(error)) from error

    async def _pass_events(self, events: Events, message: Message) -> None:
        more = message.get("more_body", False)
        passed = events.feed(message.get("body", b""))
        if not more:
            passed += events.rest()
        if passed or not more:
            await self._send({"type": "http.response.body", "body": passed, "more_body": more})

    async def _hold(self, start: Message, message: Message) -> None:
        self._body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(self._body) > MAX_BYTES and self._editor.refuses:
            raise list_unreadable(f"the response has more than {MAX_BYTES} bytes")
        if len(self._body) > MAX_BYTES:
            await self.release()
            if not more:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        elif not more:
            self._start = None
            shortened = self._edited_body()
            if shortened is not None:
                kept = [field for field in start["headers"] if field[0].lower() not in _ABOUT_THE_BYTES]
                length = (b"content-length", str(len(shortened)).encode())
                start = {**start, "headers": [*kept, length]}
            body = self._body if shortened is None else shortened
            await self._send(start)
            await self._send({"type": "http.response.body", "body": body, "more_body": False})
