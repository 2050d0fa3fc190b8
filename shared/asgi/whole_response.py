"""An extension of ASGI: a response that is whole from the start is written at once.

By ASGI messages, the head and the body are two writes to the socket, and uvicorn examines every header.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from weakref import ref

from starlette.types import Message, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from shared.asgi.raw_response import raw_response

_EXTENSION = "doorward.whole_response"


def offer_whole_response(cycle: RequestResponseCycle) -> None:
    """Offer the extension to the application that serves `cycle`."""
    scope: dict[str, Any] = cycle.scope  # type: ignore[assignment]
    _offer(scope, cycle)


def offer_by_foreign_server(scope: Scope, send: Send) -> None:
    """Offer the extension in `scope` if `send` is that of a uvicorn that another program runs.

    Not if a middleware has replaced it: that must see every response.
    """
    cycle: object = getattr(send, "__self__", None)
    if isinstance(cycle, RequestResponseCycle) and send == cycle.send:
        _offer(scope, cycle)


def _offer(scope: Scope, cycle: RequestResponseCycle) -> None:
    scope["extensions"] = {**scope.get("extensions", {}), _EXTENSION: _WholeResponse(cycle)}


async def send_whole(scope: Scope, start: Message, body: Message, send: Send) -> None:
    """Send the two messages of a response, by one write where the server can do that."""
    whole: _Writer | None = scope.get("extensions", {}).get(_EXTENSION)
    if whole is None or not whole.write(start, body.get("body", b"")):
        await send(start)
        await send(body)


def with_changed_start(scope: Scope, change: Callable[[Message], Message]) -> Scope:
    """Return `scope` so that `change` applies to the start of a response that is written at once."""
    whole: _Writer | None = scope.get("extensions", {}).get(_EXTENSION)
    if whole is None:
        return scope
    return {**scope, "extensions": {**scope["extensions"], _EXTENSION: _Changed(whole, change)}}


class _Writer(Protocol):
    def write(self, start: Message, body: bytes) -> bool: ...


class _Changed:
    """Changes the start of a response before it is written."""

    __slots__ = ("_change", "_writer")

    def __init__(self, writer: _Writer, change: Callable[[Message], Message]) -> None:
        self._writer = writer
        self._change = change

    def write(self, start: Message, body: bytes) -> bool:
        return self._writer.write(self._change(start), body)


class _WholeResponse:
    """Writes the response of one request."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        # Its scope refers to this object: in a cycle of references, both wait for the garbage collector.
        self._cycle = ref(cycle)

    def write(self, start: Message, body: bytes) -> bool:
        """Write the response, and return True; or leave it to uvicorn, which knows every case."""
        cycle = self._cycle()
        if cycle is None:
            return False
        headers = [*cycle.default_headers, *start["headers"]]
        if not _is_usual(cycle) or not _is_plain(headers, len(body)):
            return False
        try:
            data = raw_response(start["status"], headers, body, closes=not cycle.keep_alive)
        except (KeyError, ValueError):
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.transport.write(data)
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True


def _is_usual(cycle: RequestResponseCycle) -> bool:
    """Check that the connection is ready for the response, and nothing else must be noted about it."""
    return not (
        cycle.response_started
        or cycle.disconnected
        or cycle.flow.write_paused
        or cycle.access_log
        or cycle.scope["method"] == "HEAD"
    )


def _is_plain(headers: list[tuple[bytes, bytes]], length: int) -> bool:
    """Check that the headers say nothing of the connection, and the length once, as it is."""
    stated = b""
    for name, value in headers:
        if name == b"content-length":
            if stated:
                return False
            stated = value
        elif name in (b"connection", b"transfer-encoding") or not name.islower():
            return False
    return stated == b"%d" % length
