"""Read request bodies whole, up to a limit, and replay them to the app."""

from __future__ import annotations

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.asgi.headers import header_values
from shared.asgi.responses import refusal_response
from shared.reasons import CommonReason


class BodyTooLargeError(Exception):
    """The request body is larger than allowed."""


async def read_body(scope: Scope, receive: Receive, *, max_body_bytes: int) -> bytes:
    """Read the body of a request.

    Raises:
        BodyTooLargeError: the body is announced as, or turns out to be, larger than `max_body_bytes`.
        starlette.requests.ClientDisconnect: the client disconnected before the end of the body.
    """
    for length in (value[:18] for value in header_values(scope, "content-length")):
        if length.isascii() and length.isdigit() and int(length) > max_body_bytes:
            raise BodyTooLargeError
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > max_body_bytes:
            raise BodyTooLargeError
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that yields `body` first, then later messages, such as the disconnect."""
    replayed = False

    async def receive_again() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


class BodyLimit:
    """Refuse a request whose body is larger than `max_body_bytes` with 413, before the app sees the body."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            body = await read_body(scope, receive, max_body_bytes=self.max_body_bytes)
        except ClientDisconnect:
            return
        except BodyTooLargeError:
            await body_too_large(scope, self.max_body_bytes)(scope, receive, send)
            return
        await self.app(scope, replay(body, receive), send)


def body_too_large(scope: Scope, max_body_bytes: int) -> Response:
    """Log and return the refusal of a body larger than `max_body_bytes` (RFC 9110 §15.5.14)."""
    return refusal_response(
        scope,
        CommonReason.BODY_TOO_LARGE,
        status=413,
        error="invalid_request",
        description=f"The request body is larger than {max_body_bytes} bytes.",
        headers={"connection": "close"},
    )
