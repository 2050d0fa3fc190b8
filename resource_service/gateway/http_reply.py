"""The answer of an upstream that speaks HTTP, on its way to the client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx2
from starlette.types import Send

from resource_service.gateway.upstream import Upstream
from resource_service.messages.forwarded_headers import to_client
from shared.host_refusals import MAX_REFUSAL_BYTES, refuses_host
from shared.logs import get_logger

EVENT_STREAM = "text/event-stream"

_log = get_logger(__name__)


@dataclass(slots=True)
class HttpReply:
    """One answer: `begin` looks at it as long as another can still be given, `pass_on` sends it."""

    upstream: Upstream
    response: httpx2.Response
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

    async def pass_on(self, send: Send) -> None:
        """Send the answer as it comes."""
        fields = to_client(self.response.headers.raw)
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
