"""Request headers as they were at the start of the request.

A chunked body may end in a trailer section (RFC 9112 §7.1.2), whose fields must not be merged into the
headers unless they are known to be safe there (RFC 9110 §6.5.1). uvicorn's httptools protocol appends them
to the list that the application holds: a token in a trailer would look like one in the header, behind a
proxy that checks only headers.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

_MARK = "_doorward_keeps_trailers_apart"


class FrozenHeaders:
    """Give the app its own copy of the header list. Must be the outermost middleware."""

    def __init__(self, app: ASGIApp) -> None:
        _keep_trailers_apart()
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "headers" in scope:
            scope = {**scope, "headers": list(scope["headers"])}
        await self.app(scope, receive, send)


def _keep_trailers_apart() -> None:
    """Make uvicorn's parser hand over its headers at the end of the header section.

    An application runs only after everything received has been parsed. If the trailer arrived in the same
    packet, the application can no longer tell it from the headers, so the copy must be made in the parser.
    """
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:  # another server or h11, which drops trailers
        return
    original: Any = HttpToolsProtocol.on_headers_complete
    if hasattr(original, _MARK):
        return

    @wraps(original)
    def on_headers_complete(self: HttpToolsProtocol) -> None:
        self.scope["headers"] = list(self.headers)
        original(self)

    setattr(on_headers_complete, _MARK, True)
    setattr(HttpToolsProtocol, "on_headers_complete", on_headers_complete)  # noqa: B010
