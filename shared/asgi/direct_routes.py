"""Answers ordinary requests to a few exact paths before the framework and its middleware (DESIGN D19)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

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
from shared.asgi.request_id import request_id_header
from shared.logs import current_request_id

RawHeaders = list[tuple[bytes, bytes]]
Answer = tuple[Response, RawHeaders]
"""A response, and all its headers."""


@dataclass(frozen=True, kw_only=True)
class DirectRoute:
    """One method of one path, whose handler returns whole responses.

    Attributes:
        immediate: returns the response of `handler`, if that needs to wait for nothing.
        is_page: whether browsers come here, too; then an error is a page for them, as by `BrowserPages`.
    """

    method: str
    path: str
    handler: Callable[[Request], Awaitable[Response]]
    cors: CorsPolicy | None = None
    immediate: Callable[[Scope], Response | None] | None = None
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
            await _send(*answer, send)

    async def answer(
        self, route: DirectRoute, scope: Scope, receive: Receive, body: bytes | None = None
    ) -> Answer | None:
        """Return the answer to an ordinary request; None if the client has disconnected.

        Args:
            scope: with the path of the route.
            body: None to read it.
        """
        header, outside = request_id_header()
        try:
            response = await self._respond(route, scope, receive, body)
            if response is None:
                return None
            if route.is_page:
                response = as_browsers_see(response, scope, self._page_of)
            return response, [*self._headers(route, scope, response), header]
        finally:
            current_request_id.reset(outside)

    def immediate_answer(self, route: DirectRoute, scope: Scope) -> Answer | None:
        """Return the answer to an ordinary request, if that needs to wait for nothing."""
        if route.immediate is None or (response := route.immediate(scope)) is None:
            return None
        header, outside = request_id_header()
        try:
            self._host_names.note(scope)
            return response, [*self._headers(route, scope, response), header]
        finally:
            current_request_id.reset(outside)

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

    def _headers(self, route: DirectRoute, scope: Scope, response: Response) -> RawHeaders:
        headers = response.raw_headers
        if route.cors:
            headers = headers + route.cors.raw_answer(scope)
        stated = {name for name, _ in headers}
        defaults = [pair for pair in self._defaults if pair[0] not in stated]
        return [*headers, *self._more_headers(scope), *defaults]


async def _send(response: Response, headers: RawHeaders, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
