"""uvicorn's HTTP protocol, except that `DirectRoutes` answers ordinary requests without ASGI messages.

An ASGI message costs more than an answer that is whole from the start: this one is written at once, by one
call to the transport. Everything else is served by uvicorn: requests in a pipeline, of HTTP/1.0, with
`Connection`, `Expect`, or a chunked or large body, and those that `DirectRoutes` passes on.

A request that repeats the head of the one before it is not even parsed (`RepeatedHead`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from starlette.responses import PlainTextResponse, Response
from starlette.types import Message
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from shared.asgi.direct_routes import HEAD_FACTS, Answer, DirectRoute, DirectRoutes, RawHeaders
from shared.asgi.keep_alive import OneTimerProtocol
from shared.asgi.raw_response import header_line, raw_response
from shared.asgi.repeated_fields import Heads, note_connection
from shared.asgi.repeated_head import RepeatedHead
from shared.asgi.request_id import HEADER_NAME
from shared.asgi.responses import FixedHeadResponse
from shared.asgi.whole_response import offer_whole_response

_FAILURE = PlainTextResponse("Internal Server Error", 500)
"""The response of uvicorn if the application fails before it responds."""

_NONE: Mapping[tuple[bytes, bytes], DirectRoute] = {}


class DirectExchange:
    """One request and its answer; takes the place of uvicorn's `RequestResponseCycle`.

    Attributes:
        has_begun: whether the request is complete, and is being answered or was.
        head: that of the request, if it repeats the head before.
        parsed: the scope as it was parsed; handlers may add to `scope`.
        keep_alive, disconnected, response_complete: as in uvicorn, which sets and reads them.
    """

    __slots__ = (
        "_gone",
        "body",
        "disconnected",
        "has_begun",
        "head",
        "keep_alive",
        "parsed",
        "response_complete",
        "route",
        "scope",
    )

    def __init__(
        self, route: DirectRoute, scope: dict[str, Any], body: bytes = b"", head: RepeatedHead | None = None
    ) -> None:
        self.route = route
        self.parsed = scope
        self.scope = scope if head else {**scope}
        self.body = body
        self.head = head
        self.has_begun = False
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


class DirectProtocol(OneTimerProtocol):
    """Pass it to `uvicorn.Config(http=...)`. Without `DirectRoutes` as `app.direct`, it changes nothing."""

    cycle: Any  # of uvicorn's class, or ours

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- those of uvicorn
        super().__init__(*args, **kwargs)
        # Lines below the level of the logger would be put together and thrown away.
        self.access_log = self.access_log and self.access_logger.isEnabledFor(logging.INFO)
        self._is_usual = not (self.root_path or self.access_log or self.limit_concurrency is not None)
        self._head: RepeatedHead | None = None
        self._messages = _Messages()
        self._heads: Heads = {}
        self._use(getattr(self.app, "direct", None))

    def _use(self, direct: object) -> None:
        self._head = None
        self._direct = cast("DirectRoutes", direct)
        self._routes = direct.by_target if isinstance(direct, DirectRoutes) and self._is_usual else _NONE

    def data_received(self, data: bytes) -> None:
        """Answer a request with the head of the one before, or parse what was received."""
        head = self._head
        if head is not None and head.begins(data) and self._may_repeat():
            # The parser is between two messages, and would be there again after this one.
            self._unset_keepalive_if_required()
            scope = {**head.scope, "state": self.app_state.copy(), HEAD_FACTS: head.facts}
            self.cycle = exchange = DirectExchange(head.route, scope, data[head.length :], head)
            self._start(exchange)
            return
        self._head = None
        messages = self._messages
        was_between = messages.is_between
        messages.begun = 0
        super().data_received(data)
        if was_between and messages.is_between and messages.begun == 1:
            self._note_head(data)

    def _may_repeat(self) -> bool:
        is_free = self.cycle.response_complete and not self.flow.write_paused
        return (
            is_free and getattr(self.app, "direct", None) is self._direct and not self.transport.is_closing()
        )

    def _note_head(self, data: bytes) -> None:
        """Keep the head of the one request in `data`."""
        exchange = self.cycle
        if type(exchange) is DirectExchange and exchange.keep_alive and not self.transport.is_closing():
            self._head = RepeatedHead.of(data, len(exchange.body), exchange.route, exchange.parsed)

    def on_message_begin(self) -> None:
        """Count the messages in what was received."""
        self._messages.begun += 1
        self._messages.is_between = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Choose who answers, once the head has been parsed."""
        exchange = self._exchange()
        if exchange is not None:
            self.cycle = exchange
            return
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:  # not for a WebSocket
            offer_whole_response(self.cycle)
            note_connection(self.cycle.scope, self._heads)

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        if self._is_receiving_exchange():
            self.cycle.body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Answer, once the body is complete."""
        self._messages.is_between = True
        if self._is_receiving_exchange():
            self._start(self.cycle)
        else:
            super().on_message_complete()

    def _is_receiving_exchange(self) -> bool:
        # The request for a WebSocket gets no cycle of its own: the one before is still there.
        return type(self.cycle) is DirectExchange and not self.cycle.has_begun

    def _start(self, exchange: DirectExchange) -> None:
        """Answer at once, when a future is done, or by a task."""
        exchange.has_begun = True
        answer = self._direct.immediate_answer(
            exchange.route, exchange.scope, exchange.body, is_repeated=exchange.head is not None
        )
        if isinstance(answer, Answer):
            self._finish(exchange, answer)
        elif answer is None:
            self._answer_by_task(
                exchange,
                self._direct.answer(exchange.route, exchange.scope, exchange.receive, exchange.body),
            )
        else:
            answer.finish = partial(self._finish, exchange)
            answer.go_on = partial(self._answer_by_task, exchange)

    def _answer_by_task(self, exchange: DirectExchange, answer: Awaitable[Answer | None]) -> None:
        task = self.loop.create_task(self._answer(exchange, answer))
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

    async def _answer(self, exchange: DirectExchange, awaited: Awaitable[Answer | None]) -> None:
        """Answer by a handler that waits. Its own errors are answered in `DirectRoutes`."""
        answer: Answer | None = Answer(_FAILURE, exchange.route, exchange.scope, b"")
        try:
            answer = await awaited
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
        head, response = exchange.head, answer.response
        try:
            if head is not None and exchange.keep_alive and type(response) is FixedHeadResponse:
                prepared = head.prepared.get(response.head)
                if prepared is None:
                    prepared = head.prepared[response.head] = self._direct.prepared_head(
                        answer, response.head
                    )
                return prepared.response(self._first_lines(), answer.request_id, response.content)
            return self._raw(exchange, response, self._headers_of(answer))
        except ValueError as error:
            self.logger.error("Exception in ASGI application\n", exc_info=error)
            exchange.keep_alive = False
            return self._raw(exchange, _FAILURE, _FAILURE.raw_headers)

    def _headers_of(self, answer: Answer) -> RawHeaders:
        if answer.response is _FAILURE:
            return _FAILURE.raw_headers
        return [*self._direct.headers_of(answer), (HEADER_NAME, answer.request_id)]

    def _raw(self, exchange: DirectExchange, response: Response, headers: RawHeaders) -> bytes:
        headers = [*self.server_state.default_headers, *headers]
        return raw_response(
            response.status_code, headers, bytes(response.body), closes=not exchange.keep_alive
        )

    def _first_lines(self) -> bytes:
        """Return the headers that uvicorn puts first; it replaces the list when the date changes."""
        headers = self.server_state.default_headers
        if _first.headers is not headers:
            _first.headers, _first.lines = headers, b"".join(header_line(*pair) for pair in headers)
        return _first.lines


@dataclass(slots=True)
class _Messages:
    """The state of the parser of a connection.

    Attributes:
        is_between: whether it waits for the first byte of a message.
        begun: the messages that began in what was received last.
    """

    is_between: bool = True
    begun: int = 0


@dataclass(slots=True)
class _FirstLines:
    """The headers that come first in every response of this process, and the same as lines."""

    headers: object = None
    lines: bytes = b""


_first = _FirstLines()
