"""The response of an upstream that speaks HTTP, on its way to the client.

A JSON answer to a JSON-RPC request is buffered until it is complete and verified: once its head is sent, it
can no longer be replaced by an error. An answer larger than `MAX_CHECKED_BYTES` is not parsed, and waits for
room. Streams are not buffered; `resource_service.middleware.endable_response` completes them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import anyio
from starlette.types import Send

from resource_service.gateway.errors import silent, too_large, unreadable
from resource_service.gateway.http_answers import (
    BYTE_ORDER_MARK,
    fault_at_ends,
    fault_in_body,
    fault_in_type,
)
from resource_service.gateway.stderr import printable
from resource_service.gateway.upstream import Upstream
from resource_service.messages.forwarded_headers import to_client
from resource_service.messages.request_ids import RequestId
from shared.host_refusals import MAX_REFUSAL_BYTES, refuses_host
from shared.http1 import ExchangeError, Response
from shared.logs import get_logger

EVENT_STREAM = "text/event-stream"
MAX_CHECKED_BYTES = 1_048_576
"""Parsing a megabyte blocks the event loop for 5 to 30 ms."""

WHOLE_WITHIN_S = 60.0
"""How long the rest of a larger answer may take, since it occupies shared room."""

TAKEN_WITHIN_S = 30.0
"""How long a client may take to receive `PIECE_BYTES` of a larger answer."""

DELIVERED_WITHIN_S = 120.0
"""How long a client may take to receive a larger answer as a whole, since it occupies shared room."""

PIECE_BYTES = 262_144
MAX_SHOWN_BYTES = 200
ABOUT_LENGTH = frozenset({b"content-length", b"content-digest", b"repr-digest", b"digest", b"etag"})

_log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class HttpReply:
    """One response: `begin` inspects it while it can still be replaced, `pass_on` sends it.

    Attributes:
        request_ids: the ids of the JSON-RPC requests that it must answer.
        max_answer_bytes: the limit for a JSON answer.
        make_room: reserves room for a large answer; may raise a `Refusal`.
    """

    upstream: Upstream
    response: Response
    request_ids: Sequence[RequestId] = ()
    max_answer_bytes: int
    make_room: Callable[[], Awaitable[None]]
    _held: bytearray = field(default_factory=bytearray)
    _large: bool = False
    _is_whole: bool = False
    _content_type: str = ""
    _is_stream: bool = False

    def __post_init__(self) -> None:
        self._content_type = self.response.header(b"content-type") or ""
        self._is_stream = self._content_type.lower().startswith(EVENT_STREAM)

    async def begin(self) -> None:
        """Read as much as must be known before anything is sent.

        Raises:
            Refusal: the response does not answer the request.
        """
        status = self.response.status
        if status in (400, 403):
            await self._hold(MAX_REFUSAL_BYTES)
            if refuses_host(status, bytes(self._held)):
                raise self.upstream.refused_host(status)
        if not self.request_ids or self._is_stream:
            return
        checked = min(MAX_CHECKED_BYTES, self.max_answer_bytes)
        self._large = not await self._hold(checked)
        self._check(fault_in_type(status, self._content_type))
        if self._large:
            await self._hold_large()
        self._check(self._fault_in_body())

    async def _hold_large(self) -> None:
        if len(self._held) > self.max_answer_bytes:
            raise too_large(self.max_answer_bytes, self.upstream.target.log_name)
        await self.make_room()
        try:
            with anyio.fail_after(WHOLE_WITHIN_S):
                whole = await self._hold(self.max_answer_bytes)
        except TimeoutError as error:
            detail = f"{self.upstream.target.log_name}: only {len(self._held)} bytes of a large answer came"
            raise silent(f"{detail} within {WHOLE_WITHIN_S:.0f} s") from error
        if not whole:
            raise too_large(self.max_answer_bytes, self.upstream.target.log_name)

    def _check(self, fault: str | None) -> None:
        status = self.response.status
        if fault is not None and status < 300:
            excerpt = printable(bytes(self._held[:MAX_SHOWN_BYTES]))
            detail = f"{self.upstream.target.log_name}: answers {status}, but {fault}: {excerpt!r}"
            raise unreadable(fault, detail)

    def _fault_in_body(self) -> str | None:
        if (self.response.header(b"content-encoding") or "identity").lower() != "identity":
            return None
        return (
            fault_at_ends(self._held) if self._large else fault_in_body(bytes(self._held), self.request_ids)
        )

    async def pass_on(self, send: Send) -> None:
        """Send the response as it arrives."""
        fields = to_client(self.response.fields)
        if self._is_stream or self._held.startswith(BYTE_ORDER_MARK):
            self._held = self._held.removeprefix(BYTE_ORDER_MARK)
            fields = [(name, value) for name, value in fields if name not in ABOUT_LENGTH]
        if self._is_stream and self.response.header(b"x-accel-buffering") is None:
            fields.append((b"x-accel-buffering", b"no"))  # a proxy in front of us must not hold events back
        start = {"type": "http.response.start", "status": self.response.status, "headers": fields}
        await send(start)
        if self._is_whole and not self._large:
            await send({"type": "http.response.body", "body": bytes(self._held), "more_body": False})
            return
        if await self._pass_on_body(send) or self._is_stream:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _hold(self, most: int) -> bool:
        """Read up to `most` bytes, or a chunk more. Return whether the body is complete."""
        try:
            while len(self._held) <= most:
                chunk = await self.response.read()
                if not chunk:
                    self._is_whole = True
                    return True
                self._held += chunk
        except ExchangeError as error:
            raise self.upstream.failure(error) from error
        return False

    async def _pass_on_body(self, send: Send) -> bool:
        """Forward the body; return False if it was cut off.

        An event stream may end anywhere: a client resumes it to get a missing answer. A truncated body of
        another type is left unfinished, so that it is not mistaken for a complete one.
        """
        try:
            await self._pass_on_held(send)
            while chunk := await self.response.read():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except ExchangeError as error:
            _log.warning(
                "the upstream closed the connection during a response",
                error=str(error),
            )
            return False
        except TimeoutError:
            _log.warning("the client reads a large response too slowly", within_s=DELIVERED_WITHIN_S)
            return False
        return True

    async def _pass_on_held(self, send: Send) -> None:
        if not self._large:
            if self._held:
                await send({"type": "http.response.body", "body": bytes(self._held), "more_body": True})
            return
        with anyio.fail_after(DELIVERED_WITHIN_S):
            for start in range(0, len(self._held), PIECE_BYTES):
                piece = bytes(self._held[start : start + PIECE_BYTES])
                with anyio.fail_after(TAKEN_WITHIN_S):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
