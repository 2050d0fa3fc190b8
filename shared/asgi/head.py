"""Limits on the URL and headers of a request; the HTTP server itself has none."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.asgi.repeated_fields import RawFields
from shared.asgi.responses import refusal_response
from shared.reasons import CommonReason

MAX_URL_BYTES = 40_000
"""A request object of the largest size fits into a query."""

MAX_HEADER_BYTES = 65_536
MAX_HEADERS = 200


class HeadLimit:
    """Refuse a request whose URL or headers are too large (RFC 9110 §15.5.15, RFC 6585 §5)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = _refused(scope) if scope["type"] == "http" else None
        if refused is None:
            await self.app(scope, receive, send)
            return
        status, reason, description = refused
        answer = refusal_response(
            scope,
            reason,
            status=status,
            error="invalid_request",
            description=description,
            headers={"connection": "close"},
        )
        await answer(scope, receive, send)


def is_head_too_large(scope: Scope) -> bool:
    """Check whether `HeadLimit` refuses the request."""
    return is_url_too_long(scope) or are_too_large(scope["headers"])


def _refused(scope: Scope) -> tuple[int, CommonReason, str] | None:
    if is_url_too_long(scope):
        return 414, CommonReason.URL_TOO_LONG, "The URL is too long."
    if are_too_large(scope["headers"]):
        return 431, CommonReason.HEADERS_TOO_LARGE, "The headers are too large."  # RFC 6585 §5
    return None


def is_url_too_long(scope: Scope) -> bool:
    """Check whether `HeadLimit` refuses the URL of the request."""
    return len(scope.get("raw_path") or scope["path"]) + len(scope.get("query_string", b"")) > MAX_URL_BYTES


def are_too_large(fields: RawFields) -> bool:
    """Check whether `HeadLimit` refuses the headers."""
    fields = list(fields)
    return len(fields) > MAX_HEADERS or len(b"".join(map(b"".join, fields))) > MAX_HEADER_BYTES
