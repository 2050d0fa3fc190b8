"""The streams of several mounts as one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resource_service.gateway.disconnect import CancelledOnDisconnect
from resource_service.gateway.reply import EVENTS
from resource_service.joined.server_messages import JoinedMessages, Json
from resource_service.messages.exact_json import UnreadableError, dumps
from resource_service.messages.jsonrpc import distinct_members
from resource_service.notifier import Notifier
from resource_service.policy.event_stream import Events
from resource_service.policy.list_filter import MAX_BYTES, UneditableError
from shared.logs import get_logger

AGAIN_AFTER_S = 1.0
"""When a stream that its mount has ended is opened again."""

MAX_AGAIN_AFTER_S = 30.0
"""The longest pause after a mount has failed to open a stream; each failure doubles it."""

OPENED_WITHIN_S = 1.0
"""How long a client waits for the mounts to open their streams: it then misses no message of theirs."""

CONFLICT = 409

WAITING = 32
"""Messages that wait for a slow client, before the mounts wait."""

OK = 200

_log = get_logger(__name__)

Take = Callable[[Json], Json | None]
Answered = Callable[[str, bool], None]
"""Gets a mount, and whether it has opened a stream."""


class Access(Enum):
    """Whether a stream may be opened for a request that was checked long ago."""

    GRANTED = "the token is still for the mount"
    WITHHELD = "not now: the operator has stopped the mount, or the token cannot be checked"
    LOST = "the token is for the mount no longer"


async def granted() -> Access:
    """Return that a stream may be opened."""
    return Access.GRANTED


@dataclass(slots=True, eq=False, kw_only=True)
class PartStream:
    """The stream of one mount.

    Attributes:
        run: opens it, and returns at its end.
        editor: edits its messages for the client.
        take: gets each message first; returns what is to be edited, or None.
        access: whether it may be opened now; not called for those that are opened with the request, which
            has just been checked.
        is_stopped: whether the operator has stopped the mount.
    """

    mount: str
    run: Callable[[Send], Awaitable[None]]
    editor: JoinedMessages
    take: Take = field(default=lambda message: message)
    access: Callable[[], Awaitable[Access]] = granted
    is_stopped: Callable[[], bool] = field(default=lambda: False)


class _Sink:
    """A `send` that puts the messages of a stream into `out`, in their form for the client."""

    def __init__(self, stream: PartStream, out: MemoryObjectSendStream[bytes], answered: Answered) -> None:
        self._stream = stream
        self._out = out
        self._answered = answered
        self._taken: list[Json] = []
        self._events = Events(self._read, max_bytes=MAX_BYTES, drop=True)
        self._status = 0
        self.is_stream = False

    @property
    def may_be_opened_again(self) -> bool:
        """Whether the mount may open the stream later.

        Some servers allow one stream at a time: 409 if the one before has not ended there yet.
        """
        return self.is_stream or self._status == CONFLICT or self._status >= 500

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            fields = {name.lower(): value for name, value in message["headers"]}
            media_type = fields.get(b"content-type", b"").lower()
            self._status = message["status"]
            self.is_stream = self._status == OK and media_type.startswith(b"text/event-stream")
            self._answered(self._stream.mount, self.is_stream)
        elif self.is_stream:
            self._events.feed(message.get("body", b""))
            taken, self._taken = self._taken, []
            for each in taken:
                await self._out.send(event_of(each))

    def _read(self, text: bytes) -> None:
        try:
            message: Any = distinct_members(text)
            wanted = self._stream.take(message) if isinstance(message, dict) else None
            if wanted is not None:
                self._taken.append(self._stream.editor.for_client(wanted))
        except (UnreadableError, UneditableError) as error:
            if text.strip():
                _log.warning("an event was left out", mount=self._stream.mount, reason=str(error))


def event_of(message: Json) -> bytes:
    """Serialize a message as an event. It has no id: a merged stream cannot be resumed."""
    return b"event: message\ndata: %b\n\n" % dumps(message)


class Opening:
    """Waits until the mounts have answered whether they open a stream."""

    def __init__(self, mounts: Iterable[str]) -> None:
        self._waiting = set(mounts)
        self._all = anyio.Event()

    def answered(self, mount: str, is_open: bool) -> None:
        """Wait no longer for a mount."""
        self._waiting.discard(mount)
        if not self._waiting:
            self._all.set()

    async def event(self) -> bytes:
        """Return a comment, once all mounts have answered or time is up."""
        if self._waiting:
            with anyio.move_on_after(OPENED_WITHIN_S):
                await self._all.wait()
        return b": joined\n\n"


def merged(
    streams: Callable[[], Iterable[PartStream]],
    changed: Notifier,
    *,
    mounts: Iterable[str],
    first: Callable[[], Awaitable[bytes]],
    answered: Answered,
    at_end: Callable[[], None],
) -> ASGIApp:
    """Return the streams of several mounts as one, which ends with the client, or with the last mount.

    Args:
        streams: returns those that should be open; called again after `changed`.
        mounts: those that the token is for.
        first: returns what the client gets before anything else, when the response begins.
        answered: told whether a mount has opened its stream; called again at the end of one.
        at_end: called when the token is for none of the mounts any longer.
    """

    async def serve(_scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name.encode(), value.encode()) for name, value in EVENTS.items()]
        out, taken = anyio.create_memory_object_stream[bytes](WAITING)
        with CancelledOnDisconnect(receive):
            async with out, taken, anyio.create_task_group() as tasks:
                tasks.start_soon(_Following(frozenset(mounts), out, answered).run, streams, changed)
                beginning = await first()
                await send({"type": "http.response.start", "status": OK, "headers": headers})
                await send({"type": "http.response.body", "body": beginning, "more_body": True})
                async for event in taken:
                    await send({"type": "http.response.body", "body": event, "more_body": True})
                at_end()
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    return serve


class _Following:
    """Follows the streams of mounts until the token is for none of them.

    Args:
        out: gets the events, and is closed at the end.
    """

    def __init__(
        self, mounts: frozenset[str], out: MemoryObjectSendStream[bytes], answered: Answered
    ) -> None:
        self._remaining = set(mounts)
        self._out = out
        self._answered = answered
        self._followed: set[str] = set()
        self._scope = anyio.CancelScope()

    async def run(self, streams: Callable[[], Iterable[PartStream]], changed: Notifier) -> None:
        """Follow the streams that should be open, as they change."""
        with self._scope:
            async with anyio.create_task_group() as tasks:
                self._start_new(tasks, streams(), is_checked=True)
                while True:
                    await changed.wait()
                    self._start_new(tasks, streams(), is_checked=False)
        await self._out.aclose()

    def _start_new(self, tasks: TaskGroup, streams: Iterable[PartStream], *, is_checked: bool) -> None:
        for stream in streams:
            if stream.mount in self._remaining and stream.mount not in self._followed:
                self._followed.add(stream.mount)
                tasks.start_soon(self._follow, stream, is_checked)

    async def _follow(self, stream: PartStream, is_checked: bool) -> None:
        try:
            access = Access.GRANTED if is_checked else await _decided(stream, AGAIN_AFTER_S)
            if access is Access.GRANTED:
                access = await _followed(stream, self._out, self._answered)
            if access is Access.LOST:
                self._remaining.discard(stream.mount)
        finally:
            self._followed.discard(stream.mount)
            self._answered(stream.mount, False)
        if not self._remaining:
            self._scope.cancel()


async def _followed(stream: PartStream, out: MemoryObjectSendStream[bytes], answered: Answered) -> Access:
    """Follow a stream, and open it again when it ends, as long as the mount may open it."""
    pause_s = AGAIN_AFTER_S
    while True:
        sink = _Sink(stream, out, answered)
        await stream.run(sink)
        if not (sink.may_be_opened_again or stream.is_stopped()):
            return Access.GRANTED
        if await stream.access() is Access.LOST:
            return Access.LOST
        again_at_once = sink.is_stream or stream.is_stopped()
        pause_s = AGAIN_AFTER_S if again_at_once else min(2 * pause_s, MAX_AGAIN_AFTER_S)
        await anyio.sleep(pause_s)
        if await _decided(stream, pause_s) is Access.LOST:
            return Access.LOST


async def _decided(stream: PartStream, pause_s: float) -> Access:
    """Return whether a stream may be opened, as soon as that is not WITHHELD."""
    while True:
        access = await stream.access()
        if access is not Access.WITHHELD:
            return access
        await anyio.sleep(pause_s)
