"""Error pages for people who open a URL in their browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.asgi.accept import asks_for_page
from shared.languages import in_language, language_of
from shared.logs import get_logger

_OF_THE_BODY = frozenset({b"content-type", b"content-length", b"content-security-policy"})
_MAX_BYTES = 16_384

_log = get_logger(__name__)

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Refused:
    """An error created by `error_response`.

    Attributes:
        path: of the request, as received.
    """

    path: str
    status: int
    error: str
    description: str


class BrowserPages:
    """Show errors to people as pages. Status, challenge and every other header stay unchanged.

    Programs get the JSON: see `asks_for_page`. Both forms carry ``Vary: Accept`` (RFC 9110 §12.5.5);
    `error_response` adds it to the JSON.

    Args:
        page_of: returns the page for an error; the status of the page is ignored.
    """

    def __init__(self, app: ASGIApp, *, page_of: Callable[[Refused], Response]) -> None:
        self.app = app
        self.page_of = page_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and asks_for_page(scope):
            send = _Answer(scope, send, self.page_of).send
        await self.app(scope, receive, send)


def as_browsers_see(response: Response, scope: Scope, page_of: Callable[[Refused], Response]) -> Response:
    """Return what `BrowserPages` sends in place of a whole response."""
    start: Message = {"status": response.status_code, "headers": response.raw_headers}
    if not _may_be_an_error(start) or not asks_for_page(scope):
        return response
    refused = _refused(scope, start, response.body)
    if refused is None:
        return response
    with in_language(language_of(scope)):
        start, body = _as_page(start, bytes(response.body), refused, page_of)
    page = Response(body, response.status_code)
    page.raw_headers = start["headers"]
    return page


class _Answer:
    """A response, held back while it may turn out to be one of our errors."""

    def __init__(self, scope: Scope, send: Send, page_of: Callable[[Refused], Response]) -> None:
        self._scope, self._send, self._page_of = scope, send, page_of
        self._start: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _may_be_an_error(message):
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        body = bytes(self._body)
        refused = _refused(self._scope, start, body)
        if refused is not None:
            with in_language(language_of(self._scope)):
                start, body = _as_page(start, body, refused, self._page_of)
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _as_page(
    start: Message, body: bytes, refused: Refused, page_of: Callable[[Refused], Response]
) -> tuple[Message, bytes]:
    try:
        page = page_of(refused)
    except Exception:  # noqa: BLE001 -- the error is sent, however its page fails
        _log.exception("the error page could not be rendered", path=refused.path, status=refused.status)
        return start, body
    return {**start, "headers": _merged(start["headers"], page.raw_headers)}, bytes(page.body)


def _refused(scope: Scope, start: Message, body: bytes | memoryview) -> Refused | None:
    try:
        members = json.loads(bytes(body))
    except ValueError:
        return None
    if not isinstance(members, dict) or not isinstance(members.get("error"), str):
        return None
    description = str(members.get("error_description", ""))
    return Refused(scope["path"], start["status"], members["error"], description)


def _may_be_an_error(start: Message) -> bool:
    headers = dict(start.get("headers", ()))
    length = headers.get(b"content-length", b"")
    return (
        start["status"] >= 400
        and headers.get(b"content-type") == b"application/json"
        and length.isdigit()
        and int(length) <= _MAX_BYTES
    )


def _merged(of_error: Headers, of_page: Headers) -> Headers:
    stated = {name for name, _ in of_page} | _OF_THE_BODY
    varies = [pair for pair in of_error if pair[0] == b"vary"] or [(b"vary", b"Accept")]
    varies.append((b"vary", b"Accept-Language"))
    kept = [pair for pair in of_error if pair[0] not in stated and pair[0] != b"vary"]
    return [*kept, *varies, *of_page]
