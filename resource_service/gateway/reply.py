"""Convert a message stream into an HTTP response: JSON for a single quick answer, otherwise events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from resource_service.gateway.disconnect import CancelledOnDisconnect
from resource_service.gateway.event_log import Event, Reading
from resource_service.gateway.stdio_connection import StdioConnection

JSON_WITHIN_S = 0.5
"""How long to wait for an answer before a stream begins, whose HTTP status is then fixed."""

EVENTS = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The response to a request, built from the events of its stream.

    Attributes:
        reading: the client's position in the stream.
        may_be_json: whether the whole response may be JSON.
        resumable: whether events carry an id from which a client can resume.
        primed: whether a stream begins with an empty event that only carries an id; clients before 2025-11-25
            cannot parse such an event.
    """

    connection: StdioConnection
    reading: Reading
    headers: Mapping[str, str] = field(default_factory=dict)
    may_be_json: bool = False
    resumable: bool = True
    primed: bool = False

    async def deliver(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Send the response as it arrives. Return False if the client disconnected before the end."""
        try:
            with self.connection.hold(), CancelledOnDisconnect(receive) as connected:
                await self._send(scope, receive, send)
        finally:
            self.reading.stop()
        return not connected.was_cancelled

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = None
        if self.may_be_json:
            with anyio.move_on_after(JSON_WITHIN_S):
                first = await self.reading.next()
            if first is not None and first.last:
                await self._json(first)(scope, receive, send)
                await self.reading.next()
                return
        await self._send_events(first, send)

    def _json(self, event: Event) -> Response:
        return Response(event.data, event.status, dict(self.headers), "application/json")

    async def _send_events(self, first: Event | None, send: Send) -> None:
        headers = [(name.encode(), value.encode()) for name, value in {**EVENTS, **self.headers}.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if self.primed:
            await _send_chunk(
                send, b"id: %s\ndata: \n\n" % self._id(self.reading.after if first is None else 0)
            )
        event = first or await self.reading.next()
        while event is not None:
            await _send_chunk(send, self._framed(event))
            event = await self.reading.next()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _framed(self, event: Event) -> bytes:
        id_line = b"id: %s\n" % self._id(event.number) if self.resumable else b""
        return b"event: message\n%sdata: %s\n\n" % (id_line, event.data)

    def _id(self, number: int) -> bytes:
        return b"%s.%d" % (self.reading.stream.name.encode(), number)


async def _send_chunk(send: Send, chunk: bytes) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": True})
