"""uvicorn's HTTP protocol, except that `DirectRoutes` answers ordinary requests without ASGI messages.

An ASGI message costs more than an answer that is whole from the start: this one is written at once, by one
call to the transport. Everything else is served by uvicorn: requests in a pipeline, of HTTP/1.0, with
`Connection`, `Expect`, or a chunked or large body, and those that `DirectRoutes` passes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, cast

from starlette.responses import PlainTextResponse
from starlette.types import Message
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.asgi.direct_routes import Answer, DirectRoute, DirectRoutes
from shared.asgi.raw_response import raw_response
from shared.asgi.whole_response import offer_whole_response

_FAILURE = PlainTextResponse("Internal Server Error", 500)
_FAILED: Answer = _FAILURE, _FAILURE.raw_headers
"""The response of uvicorn if the application fails before it responds."""

_NONE: Mapping[tuple[bytes, bytes], DirectRoute] = {}


class DirectExchange:
    """One request and its answer; takes the place of uvicorn's `RequestResponseCycle`.

    Attributes:
        keep_alive, disconnected, response_complete: as in uvicorn, which sets and reads them.
    """

    __slots__ = ("_gone", "body", "disconnected", "keep_alive", "response_complete", "route", "scope")

    def __init__(self, route: DirectRoute, scope: dict[str, Any]) -> None:
        self.route = route
        self.scope = scope
        self.body = b""
        self.keep_alive = True
        self.disconnected = False
        self.response_complete = False
        self._gone: asyncio.Event | None = None

    @property
    def message_event(self) -> DirectExchange:
        """The event that uvicorn sets when the client has disconnected."""
        return self

    def set(self) -> None:
        """Wake the handler that waits for the client to disconnect."""
        if self._gone:
            self._gone.set()

    async def receive(self) -> Message:
        """Wait until the client has disconnected: the handler has the whole body already."""
        self._gone = self._gone or asyncio.Event()
        if not self.disconnected:
            await self._gone.wait()
        return {"type": "http.disconnect"}


class DirectProtocol(HttpToolsProtocol):
    """Pass it to `uvicorn.Config(http=...)`. Without `DirectRoutes` as `app.direct`, it changes nothing."""

    cycle: Any  # of uvicorn's class, or ours

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- those of uvicorn
        super().__init__(*args, **kwargs)
        # Lines below the level of the logger would be put together and thrown away.
        self.access_log = self.access_log and self.access_logger.isEnabledFor(logging.INFO)
        self._is_usual = not (self.root_path or self.access_log or self.limit_concurrency is not None)
        self._use(getattr(self.app, "direct", None))

    def _use(self, direct: object) -> None:
        self._direct = cast("DirectRoutes", direct)
        self._routes = direct.by_target if isinstance(direct, DirectRoutes) and self._is_usual else _NONE

    def on_headers_complete(self) -> None:
        """Choose who answers, once the head has been parsed."""
        exchange = self._exchange()
        if exchange is None:
            super().on_headers_complete()
            offer_whole_response(self.cycle)
        else:
            self.cycle = exchange

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        if type(self.cycle) is DirectExchange:
            self.cycle.body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Answer, once the body is complete."""
        if type(self.cycle) is not DirectExchange:
            super().on_message_complete()
            return
        exchange: DirectExchange = self.cycle
        answer = self._direct.immediate_answer(exchange.route, exchange.scope)
        if answer is not None:
            self._finish(exchange, answer)
            return
        task = self.loop.create_task(self._answer(exchange))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _exchange(self) -> DirectExchange | None:
        """Return the exchange of a request that can be answered here."""
        parser = self.parser
        direct = getattr(self.app, "direct", None)
        if direct is not self._direct:  # the app was replaced since the connection was opened
            self._use(direct)
        method = parser.get_method()
        path, _, query = self.url.partition(b"?")
        route = self._routes.get((method, path))
        if route is None or b"#" in query or (self.cycle is not None and not self.cycle.response_complete):
            return None
        if self.expect_100_continue or self.flow.write_paused or parser.get_http_version() != "1.1":
            return None
        if parser.should_upgrade() or not parser.should_keep_alive() or not self._is_body_short():
            return None
        # A copy, because the parser appends the fields of a trailer; see `frozen_headers`.
        scope: dict[str, Any] = {**self.scope, "headers": list(self.headers)}
        scope.update(method=method.decode(), path=route.path, raw_path=path, query_string=query)
        return DirectExchange(route, scope) if self._direct.is_ordinary(route, scope) else None

    def _is_body_short(self) -> bool:
        """Check that the body has a length that may be buffered."""
        limit = min(self._direct.max_body_bytes, HIGH_WATER_LIMIT)
        for name, value in self.headers:
            if name == b"transfer-encoding" or (name == b"content-length" and int(value) > limit):
                return False
        return True

    async def _answer(self, exchange: DirectExchange) -> None:
        """Answer by a handler that waits. Its own errors are answered in `DirectRoutes`."""
        answer: Answer | None = _FAILED
        try:
            answer = await self._direct.answer(
                exchange.route, exchange.scope, exchange.receive, exchange.body
            )
        except BaseException:
            exchange.keep_alive = False  # most likely, the process is being stopped
            raise
        finally:
            self._finish(exchange, answer)

    def _finish(self, exchange: DirectExchange, answer: Answer | None) -> None:
        """Write the answer, and let uvicorn go on with the connection."""
        exchange.response_complete = True
        exchange.set()
        if self.transport.is_closing():
            return
        if answer is None:  # the handler says that the client has disconnected
            self.transport.close()
            return
        self.transport.write(self._encoded(exchange, answer))
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _encoded(self, exchange: DirectExchange, answer: Answer) -> bytes:
        response, headers = answer
        headers = [*self.server_state.default_headers, *headers]
        try:
            return raw_response(
                response.status_code, headers, bytes(response.body), closes=not exchange.keep_alive
            )
        except ValueError as error:
            self.logger.error("Exception in ASGI application\n", exc_info=error)
            exchange.keep_alive = False
            return self._encoded(exchange, _FAILED)
