"""Passes ordinary MCP requests to their endpoints before the framework and its middleware (DESIGN D19)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resource_service.middleware.drain_body import BodyReader
from shared.asgi import HostNames, SecurityHeaders
from shared.asgi.errors import unhandled_error
from shared.asgi.head import is_head_too_large
from shared.asgi.request_id import request_id_header
from shared.logs import current_request_id

METHODS = frozenset({"GET", "POST", "DELETE"})
_UNUSUAL = frozenset({b"origin", b"expect"})
_CROSS_ORIGIN = [(b"vary", b"Origin")]
"""The headers that `Cors` adds to the response to a request without an origin."""

RawHeaders = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class DirectEndpoint:
    """An MCP endpoint, with its path as the application sees it."""

    path: str
    app: ASGIApp


class DirectEndpoints:
    """Serve `endpoints` with the limits and response headers of the middleware of `app`.

    A request that is not ordinary goes to `app`, which serves the same endpoints: one with an origin, one
    that may be shown to a person as a page, one that waits to be told to continue, one whose head is too
    large, and one with another method. So this class repeats only the part of the middleware that applies to
    every response.

    Args:
        prefix: the path of the public URL, as in `Prefix`.
        secure: as in `SecurityHeaders`.
        host_names: notes the host of each request.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        endpoints: Iterable[DirectEndpoint],
        prefix: str,
        secure: bool,
        host_names: HostNames,
    ) -> None:
        self.app = app
        self._endpoints: Mapping[str, DirectEndpoint] = {
            path: endpoint for endpoint in endpoints for path in {endpoint.path, prefix + endpoint.path}
        }
        self._defaults = SecurityHeaders(app, secure=secure).defaults
        self._host_names = host_names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._endpoints.get(scope["path"]) if scope["type"] == "http" else None
        if endpoint is None or not _is_ordinary(scope):
            await self.app(scope, receive, send)
            return
        # As `Prefix` and `FrozenHeaders` do.
        scope = {**scope, "path": endpoint.path, "headers": list(scope["headers"])}
        self._host_names.note(scope)
        header, outside = request_id_header()
        reader = BodyReader(receive)
        response = _Response(send, reader, [header], self._defaults)
        try:
            await endpoint.app(scope, reader.receive, response.send)
        except Exception:
            if response.has_begun:
                raise
            await unhandled_error(scope)(scope, receive, response.send)
        finally:
            current_request_id.reset(outside)


class _Response:
    """The response to one request, with the headers that every response has."""

    __slots__ = ("_defaults", "_reader", "_send", "_stated", "has_begun")

    def __init__(self, send: Send, reader: BodyReader, stated: RawHeaders, defaults: RawHeaders) -> None:
        self._send = send
        self._reader = reader
        self._stated = stated
        self._defaults = defaults
        self.has_begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            if message["status"] >= 400:
                await self._reader.finish()
            headers = [*message.get("headers", ()), *_CROSS_ORIGIN]
            stated = {name.lower() for name, _ in headers}
            headers += [pair for pair in self._defaults if pair[0] not in stated]
            message["headers"] = [*headers, *self._stated]
        await self._send(message)


def _is_ordinary(scope: Scope) -> bool:
    if scope["method"] not in METHODS or scope.get("root_path") or is_head_too_large(scope):
        return False
    return not any(
        name in _UNUSUAL or (name == b"accept" and b"html" in value.lower())
        for name, value in scope["headers"]
    )
