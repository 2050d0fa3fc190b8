"""Answers ordinary requests to a few exact paths before the framework and its middleware (DESIGN D19)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.asgi.accept import asks_for_page
from shared.asgi.body import BodyTooLargeError, body_too_large, read_body
from shared.asgi.browser_pages import Refused, as_browsers_see
from shared.asgi.cors import CorsPolicy
from shared.asgi.errors import unhandled_error
from shared.asgi.head import is_head_too_large
from shared.asgi.headers import SecurityHeaders
from shared.asgi.other_hosts import HostNames
from shared.asgi.prepared_head import FixedHead, PreparedHead
from shared.asgi.request_id import HEADER_NAME, NOTED_REQUEST_ID, bind_request_id
from shared.logs import current_request_id

RawHeaders = list[tuple[bytes, bytes]]


HEAD_FACTS = "doorward.head_facts"
"""Member of the scope: a dictionary, shared by all requests with the same head on one connection."""


class Waiting(NamedTuple):
    """A response that follows from the result of a future.

    Attributes:
        respond: returns the response, given the future when it is done; or goes on waiting.
    """

    future: asyncio.Future[Any]
    respond: Callable[[asyncio.Future[Any]], Response | Awaitable[Response]]


Immediate = Callable[[Scope, bytes], Response | Waiting | None]


class Answer(NamedTuple):
    """A response, with what its head depends on."""

    response: Response
    route: DirectRoute
    scope: Scope
    request_id: bytes


class LaterAnswer:
    """An answer that waits for a future, without a task.

    Attributes:
        finish: called with the answer; None if the future was cancelled.
        go_on: called if the answer has to wait for more.
    """

    __slots__ = ("_request_id", "_respond", "_route", "_scope", "finish", "go_on")

    def __init__(self, waiting: Waiting, route: DirectRoute, scope: Scope, request_id: bytes) -> None:
        self._respond, self._route, self._scope, self._request_id = waiting.respond, route, scope, request_id
        self.finish: Callable[[Answer | None], None]
        self.go_on: Callable[[Awaitable[Answer]], None]
        waiting.future.add_done_callback(self._take_up)

    def _take_up(self, future: asyncio.Future[Any]) -> None:
        if future.cancelled():
            self.finish(None)
            return
        try:
            response = self._respond(future)
        except Exception:  # noqa: BLE001 -- logged, and answered without details
            response = unhandled_error(self._scope)
        if isinstance(response, Response):
            self.finish(self._answer(response))
        else:
            self.go_on(self._awaited(response))

    async def _awaited(self, response: Awaitable[Response]) -> Answer:
        try:
            return self._answer(await response)
        except Exception:  # noqa: BLE001 -- logged, and answered without details
            return self._answer(unhandled_error(self._scope))

    def _answer(self, response: Response) -> Answer:
        return Answer(response, self._route, self._scope, self._request_id)


@dataclass(frozen=True, kw_only=True)
class DirectRoute:
    """One method of one path, whose handler returns whole responses.

    Attributes:
        immediate: returns the response of `handler` to a request with that body if that waits for nothing,
            or for one future; None for any other request.
        is_page: whether browsers come here, too; then an error is a page for them, as by `BrowserPages`.
    """

    method: str
    path: str
    handler: Callable[[Request], Awaitable[Response]]
    cors: CorsPolicy | None = None
    immediate: Immediate | None = None
    is_page: bool = False


class BufferedRequest(Request):
    """A request whose body has been read."""

    def __init__(self, scope: Scope, receive: Receive, body: bytes) -> None:
        super().__init__(scope, receive)
        self._whole = body

    async def body(self) -> bytes:
        """Return the whole body."""
        return self._whole


class DirectRoutes:
    """Serve `routes`, with the same limits and response headers as the middleware of `app`.

    A request that is not ordinary goes to `app`, which serves the same routes: one of a browser to an
    endpoint for programs, one whose head is too large, one to another path or with another method. So this
    class repeats only the part of the middleware that applies to every response.

    Args:
        prefix: the path of the public URL, as in `Prefix`.
        secure: as in `SecurityHeaders`.
        host_names: notes the host of each request.
        more_headers: returns response headers that depend on the request.
        page_of: as in `BrowserPages`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: Iterable[DirectRoute],
        prefix: str,
        secure: bool,
        max_body_bytes: int,
        host_names: HostNames,
        more_headers: Callable[[Scope], RawHeaders],
        page_of: Callable[[Refused], Response],
    ) -> None:
        self.app = app
        self.routes: Mapping[tuple[str, str], DirectRoute] = {
            (route.method, path): route for route in routes for path in {route.path, prefix + route.path}
        }
        self._defaults = SecurityHeaders(app, secure=secure).defaults
        self.by_target = {(m.encode(), path.encode()): route for (m, path), route in self.routes.items()}
        self.max_body_bytes = max_body_bytes
        self._host_names = host_names
        self._more_headers = more_headers
        self._page_of = page_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self.routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None or not self.is_ordinary(route, scope):
            await self.app(scope, receive, send)
            return
        # As `Prefix` and `FrozenHeaders` do.
        scope = {**scope, "path": route.path, "headers": list(scope["headers"])}
        if answer := await self.answer(route, scope, receive):
            scope.setdefault("state", {})[NOTED_REQUEST_ID] = answer.request_id
            headers = [*self.headers_of(answer), (HEADER_NAME, answer.request_id)]
            await _send(answer.response, headers, send)

    async def answer(
        self, route: DirectRoute, scope: Scope, receive: Receive, body: bytes | None = None
    ) -> Answer | None:
        """Return the answer to an ordinary request; None if the client has disconnected.

        Args:
            scope: with the path of the route.
            body: None to read it.
        """
        _, outside = bind_request_id()
        try:
            response = await self._respond(route, scope, receive, body)
            if response is None:
                return None
            if route.is_page:
                response = as_browsers_see(response, scope, self._page_of)
            return Answer(response, route, scope, _bound_request_id())
        finally:
            current_request_id.reset(outside)

    def immediate_answer(
        self, route: DirectRoute, scope: Scope, body: bytes, *, is_repeated: bool
    ) -> Answer | LaterAnswer | None:
        """Return the answer to an ordinary request, if it needs no task at first.

        Args:
            is_repeated: whether a request with the same head was answered before, on the same connection.
        """
        if route.immediate is None:
            return None
        _, outside = bind_request_id()
        try:
            response = self._immediate_response(route.immediate, scope, body, is_repeated=is_repeated)
            if type(response) is Waiting:
                return LaterAnswer(response, route, scope, _bound_request_id())
            if response is None:
                return None
            return Answer(cast("Response", response), route, scope, _bound_request_id())
        finally:
            current_request_id.reset(outside)

    def headers_of(self, answer: Answer) -> RawHeaders:
        """Return all headers of an answer, except the request id."""
        return self._headers(answer.route, answer.scope, answer.response.raw_headers)

    def prepared_head(self, answer: Answer, head: FixedHead) -> PreparedHead:
        """Prepare the head of an answer, for all answers to requests with the same head."""
        return PreparedHead.of(head.status, self._headers(answer.route, answer.scope, head.raw_headers(0)))

    @staticmethod
    def is_ordinary(route: DirectRoute, scope: Scope) -> bool:
        """Check that the request is of a program or to a page, and that its head is within the limits."""
        if scope.get("root_path") or is_head_too_large(scope):
            return False
        return route.is_page or not asks_for_page(scope)

    async def _respond(
        self, route: DirectRoute, scope: Scope, receive: Receive, body: bytes | None
    ) -> Response | None:
        self._host_names.note(scope)
        try:
            if body is None:
                body = await read_body(scope, receive, max_body_bytes=self.max_body_bytes)
            return await route.handler(BufferedRequest(scope, receive, body))
        except ClientDisconnect:
            return None
        except BodyTooLargeError:
            return body_too_large(scope, self.max_body_bytes)
        except Exception:  # noqa: BLE001 -- logged, and answered without details
            return unhandled_error(scope)

    def _immediate_response(
        self,
        immediate: Immediate,
        scope: Scope,
        body: bytes,
        *,
        is_repeated: bool,
    ) -> Response | Waiting | None:
        if not is_repeated:
            self._host_names.note(scope)
        try:
            return immediate(scope, body)
        except Exception:  # noqa: BLE001 -- logged, and answered without details
            return unhandled_error(scope)

    def _headers(self, route: DirectRoute, scope: Scope, stated: Sequence[tuple[bytes, bytes]]) -> RawHeaders:
        headers = [*stated, *route.cors.raw_answer(scope)] if route.cors else stated
        names = {name for name, _ in headers}
        defaults = [pair for pair in self._defaults if pair[0] not in names]
        return [*headers, *self._more_headers(scope), *defaults]


def _bound_request_id() -> bytes:
    """Return the id that is bound now: the handler may have bound that of the caller."""
    return current_request_id.get().encode()


async def _send(response: Response, headers: RawHeaders, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
