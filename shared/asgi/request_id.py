"""An id for each request, in its log lines and in its response, so that either leads to the other."""

from __future__ import annotations

import random
import re
from contextvars import Token

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.logs import current_request_id

HEADER = "X-Request-Id"
HEADER_NAME = HEADER.lower().encode()
NOTED_REQUEST_ID = "doorward.request_id"
"""Member of the state of a scope."""
_FORM = re.compile(r"[0-9a-f]{16}\Z")


def is_request_id(text: str) -> bool:
    """Check whether `text` has the form of a request id generated here."""
    return _FORM.match(text) is not None


def bind_request_id() -> tuple[bytes, Token[str]]:
    """Bind a new id to the context.

    Returns:
        the id, and what `current_request_id.reset` needs after the request.
    """
    # Not a secret, so no system call; `random` is seeded again in a process that was forked.
    request_id = f"{random.getrandbits(64):016x}"
    return request_id.encode(), current_request_id.set(request_id)


def request_id_header() -> tuple[tuple[bytes, bytes], Token[str]]:
    """Bind a new id to the context, as `bind_request_id`; return the response header in place of the id."""
    request_id, outside = bind_request_id()
    return (HEADER_NAME, request_id), outside


class RequestId:
    """Bind a new id to the logs of a request and send it in the response as ``X-Request-Id``.

    An id sent by the caller is ignored: a caller could pick one that collides with another request's.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        header, outside = request_id_header()
        scope.setdefault("state", {})[NOTED_REQUEST_ID] = header[1]

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            current_request_id.reset(outside)
