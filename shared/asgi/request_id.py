"""An id for each request: in its log lines and in its answer, so that one can be found by the other."""

from __future__ import annotations

import re
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.logs import current_request_id

HEADER = "X-Request-Id"
_FORM = re.compile(r"[0-9a-f]{16}\Z")


def is_request_id(text: str) -> bool:
    """Whether `text` has the form of the ids that are made here."""
    return _FORM.match(text) is not None


class RequestId:
    """Bind a fresh id to the logs of a request and put it into the answer as ``X-Request-Id``.

    An id that the caller sends is ignored: it could be made to collide with somebody else's.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        header = (HEADER.lower().encode(), request_id.encode())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        outside = current_request_id.set(request_id)
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            current_request_id.reset(outside)
