"""Observes the requests to an application, for metrics, log lines and traces; not installed without these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import Token
from time import perf_counter
from typing import Any, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.asgi.direct_protocol import DirectExchange, DirectProtocol
from shared.asgi.direct_routes import Answer
from shared.asgi.noted_reason import NOTED_REASON
from shared.asgi.request_id import NOTED_REQUEST_ID
from shared.asgi.whole_response import with_changed_start

DISCONNECTED = 499
"""The status of a request whose client was gone before the response began."""

NOTED_STATUS = "doorward.status"
"""Member of the state of a scope: the status of the response, once it has begun."""


class RequestDone(Protocol):
    """Called after each request."""

    def __call__(self, endpoint: str, status: int, reason: str, seconds: float, *, scope: Scope) -> None:
        """Measure or log a request.

        Args:
            reason: the reason code of a refusal, or empty.
            scope: its state has what was noted about the request.
        """


class Tracing(Protocol):
    """Follows requests through the services; `RequestTraces` is one."""

    def begin(self, scope: Scope, endpoint: str, now: float) -> Token[Any]:
        """Begin the span of a request, and make it that of the context."""

    def leave(self, token: Token[Any]) -> None:
        """Take the span out of the context; the request may go on elsewhere."""

    def end(self, scope: Scope, status: int, reason: str, seconds: float) -> None:
        """End the span of the request of `scope`."""

    async def close(self) -> None:
        """Send what is left."""


class ObservedApp:
    """An ASGI application around another one, whose requests it observes.

    Args:
        name_of: returns the route of a path.
        done: called after each request; `ObservedProtocol` does so for those that pass the application by.
        tracing: None to trace nothing.
    """

    def __init__(
        self,
        app: Any,  # noqa: ANN401 -- an ASGI application, perhaps with `direct`
        name_of: Callable[[str], str],
        done: Sequence[RequestDone],
        tracing: Tracing | None = None,
    ) -> None:
        self._app = app
        self._name_of = name_of
        self.done = done
        self.tracing = tracing

    @property
    def direct(self) -> ASGIApp | None:
        """That of the application, for `DirectProtocol`."""
        direct: ASGIApp | None = getattr(self._app, "direct", None)
        return direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._observe(scope, receive, send)
            return
        await self._app(scope, receive, self._closing(send) if scope["type"] == "lifespan" else send)

    def _closing(self, send: Send) -> Send:
        tracing = self.tracing
        if tracing is None:
            return send

        async def close(message: Message) -> None:
            # The server waits for the message, and not for the application to return.
            if message["type"] == "lifespan.shutdown.complete":
                await tracing.close()
            await send(message)

        return close

    async def _observe(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = perf_counter()
        state = scope.setdefault("state", {})
        endpoint = self._name_of(scope["path"])
        token = None if self.tracing is None else self.tracing.begin(scope, endpoint, begun)

        def note(start: Message) -> Message:
            state[NOTED_STATUS] = start["status"]
            return start

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                state[NOTED_STATUS] = message["status"]
            await send(message)

        try:
            await self._app(with_changed_start(scope, note), receive, noting)
        finally:
            status, reason = state.get(NOTED_STATUS, DISCONNECTED), state.get(NOTED_REASON, "")
            seconds = perf_counter() - begun
            for done in self.done:
                done(endpoint, status, reason, seconds, scope=scope)
            if self.tracing is not None and token is not None:
                self.tracing.end(scope, status, reason, seconds)
                self.tracing.leave(token)


class ObservedProtocol(DirectProtocol):
    """`DirectProtocol` for an `ObservedApp`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- those of uvicorn
        super().__init__(*args, **kwargs)
        self._done: Sequence[RequestDone] = getattr(self.app, "done", ())
        self._tracing: Tracing | None = getattr(self.app, "tracing", None)
        self._begun = 0.0

    def _start(self, exchange: DirectExchange) -> None:
        self._begun = perf_counter()
        if self._tracing is None:
            super()._start(exchange)
            return
        token = self._tracing.begin(exchange.scope, exchange.route.path, self._begun)
        try:
            super()._start(exchange)
        finally:
            # What the request waits for has a copy of the context.
            self._tracing.leave(token)

    def _finish(self, exchange: DirectExchange, answer: Answer | None) -> None:
        # Before: afterwards, the next request of the connection may have begun.
        seconds = perf_counter() - self._begun
        super()._finish(exchange, answer)
        scope = exchange.scope
        state = scope["state"]
        status = DISCONNECTED if answer is None else answer.response.status_code
        if answer is not None:
            state[NOTED_REQUEST_ID] = answer.request_id
        reason = state.get(NOTED_REASON, "")
        for done in self._done:
            done(exchange.route.path, status, reason, seconds, scope=scope)
        if self._tracing is not None:
            self._tracing.end(scope, status, reason, seconds)
