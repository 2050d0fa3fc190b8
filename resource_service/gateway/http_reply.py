"""The answer of an upstream that speaks HTTP, on its way to the client.

What answers a JSON-RPC request with JSON is held until it is known to answer it, as far as `MAX_HELD_BYTES`
go: once its head is sent, nothing else could be said in its place. Streams are not held; what they lack is
put in by `resource_service.middleware.endable_response`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import httpx2
from starlette.types import Send

from resource_service.gateway.errors import unreadable
from resource_service.gateway.http_answers import BYTE_ORDER_MARK, fault_in_body, fault_in_type
from resource_service.gateway.stderr import printable
from resource_service.gateway.upstream import Upstream
from resource_service.messages.forwarded_headers import to_client
from resource_service.messages.request_ids import RequestId
from shared.host_refusals import MAX_REFUSAL_BYTES, refuses_host
from shared.logs import get_logger

EVENT_STREAM = "text/event-stream"
MAX_HELD_BYTES = 1_048_576
MAX_SHOWN_BYTES = 200
ABOUT_LENGTH = frozenset({b"content-length", b"content-digest", b"repr-digest", b"digest", b"etag"})

_log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class HttpReply:
    """One answer: `begin` looks at it as long as another can still be given, `pass_on` sends it.

    Attributes:
        asked: the ids of the JSON-RPC requests that it is to answer.
    """

    upstream: Upstream
    response: httpx2.Response
    asked: Sequence[RequestId] = ()
    _chunks: AsyncIterator[bytes] = field(init=False)
    _held: bytes = b""

    def __post_init__(self) -> None:
        self._chunks = self.response.aiter_raw()

    async def begin(self) -> None:
        """Read what has to be known before anything is sent.

        Raises:
            Refusal: the answer is not one to the request.
        """
        status = self.response.status_code
        if status in (400, 403):
            await self._hold(MAX_REFUSAL_BYTES)
            if refuses_host(status, self._held):
                raise self.upstream.refused_host(status)
        if not self.asked or self._is_stream:
            return
        whole = await self._hold(MAX_HELD_BYTES)
        if status < 300 and (fault := self._fault(whole=whole)):
            shown = printable(self._held[:MAX_SHOWN_BYTES])
            detail = f"{self.upstream.target.shown}: answers {status}, but {fault}: {shown!r}"
            raise unreadable(fault, detail)

    def _fault(self, *, whole: bool) -> str | None:
        headers = self.response.headers
        readable = headers.get("content-encoding", "identity").lower() == "identity"
        if fault := fault_in_type(self.response.status_code, headers.get("content-type", "")):
            return fault
        return fault_in_body(self._held, self.asked) if whole and readable else None

    async def pass_on(self, send: Send) -> None:
        """Send the answer as it comes."""
        fields = to_client(self.response.headers.raw)
        if self._is_stream or self._held.startswith(BYTE_ORDER_MARK):
            self._held = self._held.removeprefix(BYTE_ORDER_MARK)
            fields = [(name, value) for name, value in fields if name not in ABOUT_LENGTH]
        if self._is_stream and "x-accel-buffering" not in self.response.headers:
            fields.append((b"x-accel-buffering", b"no"))  # a proxy in front of us must not hold events back
        start = {"type": "http.response.start", "status": self.response.status_code, "headers": fields}
        await send(start)
        if await self._pass_on_body(send) or self._is_stream:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    @property
    def _is_stream(self) -> bool:
        return self.response.headers.get("content-type", "").lower().startswith(EVENT_STREAM)

    async def _hold(self, most: int) -> bool:
        """Read up to `most` bytes, or a chunk more. Whether that is all."""
        try:
            while len(self._held) <= most:
                self._held += await anext(self._chunks)
        except StopAsyncIteration:
            return True
        except httpx2.HTTPError as error:
            raise self.upstream.failure(error) from error
        return False

    async def _pass_on_body(self, send: Send) -> bool:
        """Pass the body on; False if it broke off.

        An event stream may end anywhere: a client that misses an answer resumes it. Half of anything else is
        left unfinished, so that nobody takes it for the whole.
        """
        try:
            if self._held:
                await send({"type": "http.response.body", "body": self._held, "more_body": True})
            async for chunk in self._chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except httpx2.HTTPError as error:
            _log.warning("the upstream broke off", error=f"{type(error).__name__} {error}")
            return False
        return True
