"""A response that can be ended from outside, and that leaves no client waiting in vain (RS-13, RS-15).

For any server behind the guard, quiet event streams get comments, and a stream that ends without having
answered its request gets an error.
"""

from __future__ import annotations

import asyncio

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resource_service.errors import Refusal
from resource_service.introspection.leases import Ending
from resource_service.middleware.event_position import EventPosition
from resource_service.middleware.unanswered_errors import (
    CONNECTION_CLOSED,
    INTERNAL_ERROR,
    UnansweredErrors,
    Why,
)
from resource_service.reasons import Reason
from shared.cancellable import Cancellable
from shared.logs import get_logger

KEEP_ALIVE_S = 15.0
"""Proxies close connections that are idle for 30 to 60 s."""

LAST_WORDS_S = 1.0
"""How long to wait for a client that is not reading before its connection is closed."""

GRACE_S = 2.0
"""How long the server behind may take to notice that its client has disconnected, before it is cancelled."""

EVENT_STREAM = b"text/event-stream"
STREAM_ENDED = "The MCP server ended the stream before it responded."

COMMENT = b": still there\n\n"

_log = get_logger(__name__)


class EndableResponse:
    """The response of an app to one request.

    Args:
        errors: what the client gets if the app does not answer.
    """

    def __init__(
        self,
        *,
        scope: Scope,
        receive: Receive,
        send: Send,
        errors: UnansweredErrors,
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        self._request = scope
        self._receive = receive
        self._send = send
        self._errors = errors
        self._keep_alive_s = keep_alive_s
        self._sending = asyncio.Lock()
        self._receiving: set[Cancellable] = set()
        self._serving = Cancellable()
        self._served = asyncio.Event()
        self._started = self._over = False
        self._events: EventPosition | None = None
        self._ending: Ending | None = None
        self._closing: asyncio.Task[None] | None = None
        self._keeping_alive: asyncio.Task[None] | None = None
        self._sent_at = 0.0

    async def serve(self, app: ASGIApp) -> None:
        """Run `app` until it has answered or `end` is called."""
        try:
            with self._serving:
                await app(self._request, self._receive_until_end, self._pass_on)
        except (Refusal, ClientDisconnect):
            if self._ending is None:
                raise  # otherwise it is about a response that is being ended, and the client knows already
        except asyncio.CancelledError:
            self._ending = self._ending or Ending.STOPPING  # the service's grace period is over
            await self._say_why()
            raise
        finally:
            self._served.set()
            if self._keeping_alive is not None:
                self._keeping_alive.cancel()
        if self._closing is not None:
            await self._closing

    def end(self, ending: Ending) -> None:
        """End the response: the client is told why if possible, and the app sees a disconnect."""
        if self._ending is None and not self._served.is_set():
            self._ending = ending
            self._log_cut_off(ending.reason, ending.value, warn=ending is Ending.UNKNOWN)
            self._closing = asyncio.create_task(self._close())

    def _log_cut_off(self, reason: Reason, text: str, *, warn: bool) -> None:
        (_log.warning if warn else _log.info)(
            "request cut off",
            reason=text,
            reason_code=reason.code,
            method=self._request["method"],
            path=self._request["path"],
            request_id=self._errors.request_id,
        )

    async def _close(self) -> None:
        for receiving in tuple(self._receiving):
            receiving.cancel()
        with anyio.move_on_after(LAST_WORDS_S):
            async with self._sending:
                await self._say_why()
        with anyio.move_on_after(GRACE_S):
            await self._served.wait()
        self._serving.cancel()

    async def _receive_until_end(self) -> Message:
        if self._ending is None:
            with Cancellable() as receiving:
                self._receiving.add(receiving)
                try:
                    return await self._receive()
                finally:
                    self._receiving.discard(receiving)
        return {"type": "http.disconnect"}

    async def _pass_on(self, message: Message) -> None:
        async with self._sending:
            if self._ending is not None:
                return
            if message["type"] == "http.response.start":
                self._begin(message)
            elif message["type"] == "http.response.body":
                message = self._followed(message)
                self._over = not message.get("more_body", False)
            self._sent_at = asyncio.get_running_loop().time()
            await self._send(message)

    def _begin(self, start: Message) -> None:
        self._started = True
        fields = {name.lower(): value.strip().lower() for name, value in start["headers"]}
        encoded = fields.get(b"content-encoding", b"identity") != b"identity"
        if fields.get(b"content-type", b"").startswith(EVENT_STREAM) and not (
            encoded or b"content-length" in fields
        ):
            self._events = EventPosition(self._errors.request_ids)
            self._keeping_alive = asyncio.create_task(self._keep_alive(self._events))

    def _followed(self, message: Message) -> Message:
        """Append errors to a stream that ends without an answer and cannot be resumed."""
        if self._events is None:
            return message
        body = message.get("body", b"")
        self._events.feed(body)
        why = self._why_unanswered(self._events, over=not message.get("more_body", False))
        if why is None:
            return message
        self._log_cut_off(*why, warn=True)
        errors = self._errors.last_events(self._events, INTERNAL_ERROR, why)
        self._events.unanswered.clear()
        return {**message, "body": body + errors}

    def _why_unanswered(self, events: EventPosition, *, over: bool) -> Why | None:
        """Return why the unanswered requests of the stream need an error now; None if they do not."""
        if not events.unanswered:
            return None
        if events.fault and (over or events.between_events):
            return Reason.UPSTREAM_ANSWER_UNREADABLE, events.fault
        return (Reason.UPSTREAM_STREAM_ENDED, STREAM_ENDED) if over and not events.resumable else None

    async def _keep_alive(self, events: EventPosition) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(max(0.0, self._sent_at + self._keep_alive_s - clock()))
            if clock() - self._sent_at < self._keep_alive_s:
                continue
            async with self._sending:
                self._sent_at = clock()
                if events.between_events and not self._over and self._ending is None:
                    await self._send({"type": "http.response.body", "body": COMMENT, "more_body": True})

    async def _say_why(self) -> None:
        """End the response with the reason. A partial body that is not an event stream stays unfinished."""
        ending = self._ending or Ending.STOPPING
        if self._over:
            return
        if not self._started:
            await self._errors.instead(self._request, ending)(self._request, self._receive, self._send)
        elif self._events is not None:
            # It may be resumed with a new token, or elsewhere, unless the access itself has ended.
            silent = self._events.resumable and ending not in (Ending.REVOKED, Ending.NARROWED)
            why = (ending.reason, ending.value)
            body = b"" if silent else self._errors.last_events(self._events, CONNECTION_CLOSED, why)
            await self._send({"type": "http.response.body", "body": body, "more_body": False})
        self._over = True
