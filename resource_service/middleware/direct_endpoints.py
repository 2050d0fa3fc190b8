"""Passes ordinary MCP requests to their endpoints before the framework and its middleware (DESIGN D19)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resource_service.middleware.drain_body import BodyReader
from shared.asgi import HostNames, SecurityHeaders
from shared.asgi.errors import unhandled_error
from shared.asgi.head import are_too_large, is_url_too_long
from shared.asgi.repeated_fields import RawFields, RepeatedFields, derived, repeated_fields
from shared.asgi.request_id import NOTED_REQUEST_ID, request_id_header
from shared.asgi.whole_response import send_whole
from shared.logs import current_request_id

METHODS = frozenset({"GET", "POST", "DELETE"})
_UNUSUAL = frozenset({b"origin", b"expect"})
_CROSS_ORIGIN = [(b"vary", b"Origin")]
"""The headers that `Cors` adds to the response to a request without an origin."""

RawHeaders = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class DirectEndpoint:
    """An endpoint, with its path as the application sees it.

    Attributes:
        methods: those that it answers; the framework answers all others.
    """

    path: str
    app: ASGIApp
    methods: frozenset[str] = METHODS


class DirectEndpoints:
    """Serve `endpoints` with the limits and response headers of the middleware of `app`.

    A request that is not ordinary goes to `app`, which serves the same endpoints: one with an origin, one
    that may be shown to a person as a page, one that waits to be told to continue, one whose head is too
    large, and one with another method. So this class repeats only the part of the middleware that applies to
    every response.

    Args:
        prefix: the path of the public URL, as in `Prefix`.
        secure: as in `SecurityHeaders`.
        host_names: notes the host of each request; None to leave that to others.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        endpoints: Iterable[DirectEndpoint],
        prefix: str,
        secure: bool,
        host_names: HostNames | None,
    ) -> None:
        self.app = app
        self._endpoints: Mapping[str, DirectEndpoint] = {
            path: endpoint for endpoint in endpoints for path in {endpoint.path, prefix + endpoint.path}
        }
        self._defaults = SecurityHeaders(app, secure=secure).defaults
        self._host_names = host_names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._endpoints.get(scope["path"]) if scope["type"] == "http" else None
        if endpoint is None or scope["method"] not in endpoint.methods:
            await self.app(scope, receive, send)
            return
        fields = repeated_fields(scope)
        if not _is_ordinary(scope, fields):
            await self.app(scope, receive, send)
            return
        # As `Prefix` and `FrozenHeaders` do.
        scope = {**scope, "path": endpoint.path, "headers": fields}
        if self._host_names is not None:
            self._host_names.note(scope)
        header, outside = request_id_header()
        scope.setdefault("state", {})[NOTED_REQUEST_ID] = header[1]
        reader = BodyReader(receive)
        response = _Response(scope, send, reader, added=[header, *_CROSS_ORIGIN], defaults=self._defaults)
        try:
            await endpoint.app(scope, reader.receive, response.send)
            await response.flush()
        except Exception:
            if response.has_begun:
                raise
            await unhandled_error(scope)(scope, receive, response.send)
        finally:
            current_request_id.reset(outside)


class _Response:
    """The response to one request, with the headers that every response has.

    The head of a response with a length is held until its body arrives, so that both can be written at once.
    """

    __slots__ = ("_added", "_defaults", "_held", "_reader", "_scope", "_send", "has_begun")

    def __init__(
        self, scope: Scope, send: Send, reader: BodyReader, *, added: RawHeaders, defaults: RawHeaders
    ) -> None:
        self._scope = scope
        self._send = send
        self._reader = reader
        self._added = added
        self._defaults = defaults
        self._held: Message | None = None
        self.has_begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif self._held is None:
            await self._send(message)
        elif message.get("more_body", False):
            await self.flush()
            await self._send(message)
        else:
            start, self._held, self.has_begun = self._held, None, True
            await send_whole(self._scope, start, message, self._send)

    async def flush(self) -> None:
        """Send the head if it is held."""
        if self._held is not None:
            start, self._held, self.has_begun = self._held, None, True
            await self._send(start)

    async def _begin(self, start: Message) -> None:
        if start["status"] >= 400:
            await self._reader.finish()
        headers = [*start.get("headers", ()), *self._added]
        stated = {name.lower() for name, _ in headers}
        start["headers"] = headers + [pair for pair in self._defaults if pair[0] not in stated]
        if b"content-length" in stated:
            self._held = start
        else:
            self.has_begun = True
            await self._send(start)


def _is_ordinary(scope: Scope, fields: RepeatedFields) -> bool:
    if scope.get("root_path") or is_url_too_long(scope):
        return False
    return derived(fields, _are_ordinary)


def _are_ordinary(fields: RawFields) -> bool:
    if are_too_large(fields):
        return False
    for name, value in fields:
        if name in _UNUSUAL or (name == b"accept" and b"html" in value.lower()):
            return False
    return True
