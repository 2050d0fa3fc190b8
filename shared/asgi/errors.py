"""The response to an unhandled exception."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.asgi.noted_reason import note_reason
from shared.asgi.responses import error_response
from shared.logs import get_logger
from shared.reasons import CommonReason

_log = get_logger(__name__)


class UnhandledErrors:
    """Log an exception with its traceback and respond 500 without details.

    If the response has already started, the exception is passed on to the server, which closes the
    connection: a client must not mistake half a response for a complete one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = False

        async def send_noting(message: Message) -> None:
            nonlocal began
            began = began or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_noting)
        except Exception:
            if began:
                raise
            await unhandled_error(scope)(scope, receive, send)


def unhandled_error(scope: Scope) -> Response:
    """Log the exception that is being handled, and return a response without details."""
    _log.exception(
        "unhandled error",
        reason_code=CommonReason.UNEXPECTED_ERROR.code,
        method=scope["method"],
        path=scope["path"],
    )
    note_reason(scope, CommonReason.UNEXPECTED_ERROR)
    return error_response(
        500,
        "server_error",
        "Something went wrong here; the log has the details.",
        reason=CommonReason.UNEXPECTED_ERROR,
    )
