"""Remove list items that the caller's scopes do not allow, on the way to the client.

Only responses that may contain a list are inspected, and only those that do are changed; all others pass byte
for byte. A response that is larger than `MAX_BYTES`, compressed or not understood passes unchanged.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resource_service.policy.event_stream import Events
from resource_service.policy.listing import ListFilter

MAX_BYTES = 4_194_304
EVENT_STREAM = b"text/event-stream"
JSON = b"application/json"

_ABOUT_THE_BYTES = frozenset({b"content-length", b"content-digest", b"repr-digest", b"digest", b"etag"})


def with_filtered_lists(app: ASGIApp, list_filter: ListFilter) -> ASGIApp:
    """Wrap `app` to filter its lists for one caller."""

    async def shortened(scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(send, list_filter)
        await app(_uncompressed(scope), receive, answer)
        await answer.release()

    return shortened


def _uncompressed(scope: Scope) -> Scope:
    """Make the request ask for an uncompressed response (RFC 9110 §12.5.3)."""
    headers = [field for field in scope["headers"] if field[0] != b"accept-encoding"]
    return {**scope, "headers": [*headers, (b"accept-encoding", b"identity")]}


class _Answer:
    """A `send` that buffers what it needs for a decision: a complete JSON response, or one event."""

    def __init__(self, send: Send, list_filter: ListFilter) -> None:
        self._send = send
        self._list_filter = list_filter
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
            self._events = Events(self._list_filter.shortened, max_bytes=MAX_BYTES)
        elif readable and media_type == JSON:
            self._start = start
            return
        await self._send(start)

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
        if len(self._body) > MAX_BYTES:
            await self.release()
            if not more:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        elif not more:
            self._start = None
            shortened = self._list_filter.shortened(self._body)
            if shortened is not None:
                kept = [field for field in start["headers"] if field[0].lower() not in _ABOUT_THE_BYTES]
                length = (b"content-length", str(len(shortened)).encode())
                start = {**start, "headers": [*kept, length]}
            body = self._body if shortened is None else shortened
            await self._send(start)
            await self._send({"type": "http.response.body", "body": body, "more_body": False})
