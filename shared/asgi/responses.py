"""The JSON form of an error, the same everywhere in both services."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from shared.asgi.prepared_head import FixedHead
from shared.logs import current_request_id, get_logger
from shared.reasons import CommonReason, ReasonCode

_log = get_logger(__name__)


class WholeResponse(Response):
    """A response with a body in bytes, cheaper to create than Starlette's general one.

    Args:
        headers: Latin-1 text; Content-Type and Content-Length are added.
    """

    def __init__(self, content: bytes, status_code: int, media_type: str, headers: Mapping[str, str]) -> None:
        self.status_code, self.media_type, self.body = status_code, media_type, content
        self.background = None
        self.raw_headers = [
            *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()),
            (b"content-length", b"%d" % len(content)),
            (b"content-type", media_type.encode("latin-1")),
        ]


class FixedHeadResponse(Response):
    """A response with a head that was created before. Its headers cannot be changed."""

    def __init__(self, head: FixedHead, content: bytes) -> None:
        self.head, self.body, self.content = head, content, content
        self.status_code, self.media_type = head.status, head.media_type
        self.background = None

    @property
    def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]:  # type: ignore[override]
        """All headers; a tuple, so that whatever would change them fails."""
        return self.head.raw_headers(len(self.content))


def error_response(
    status: int,
    error: str,
    description: str,
    headers: Mapping[str, str] | None = None,
    *,
    reason: ReasonCode | None,
) -> JSONResponse:
    """Return an error in the format of RFC 6749 §5.2, with the request id to look up in the log.

    Args:
        error: the code for programs.
        description: for the developer who reads it; nothing private.
        reason: becomes `reason_code`; None if a code would reveal more than the description.
    """
    body = {"error": error, "error_description": description}
    if reason is not None:
        body["reason_code"] = reason.code
    if request_id := current_request_id.get():
        body["request_id"] = request_id
    # `BrowserPages` turns this response into a page for browsers.
    return JSONResponse(body, status, {"Vary": "Accept", **(headers or {})})


def refusal_response(
    scope: Scope,
    reason: ReasonCode,
    *,
    status: int,
    error: str,
    description: str,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Log a refusal and return its `error_response`, for requests refused before any context is known."""
    _log.info(
        "refused",
        reason=description,
        reason_code=reason.code,
        error=error,
        status=status,
        method=scope["method"],
        path=scope["path"],
    )
    return error_response(status, error, description, headers, reason=reason)


def not_found(scope: Scope) -> JSONResponse:
    """Return the 404 response for an unknown path."""
    return refusal_response(
        scope, CommonReason.NOT_FOUND, status=404, error="not_found", description="Not Found"
    )


def method_not_allowed(scope: Scope, allow: str) -> JSONResponse:
    """Return the 405 response to a method that is not in `allow` (RFC 9110 §15.5.6)."""
    return refusal_response(
        scope,
        CommonReason.METHOD_NOT_ALLOWED,
        status=405,
        error="method_not_allowed",
        description="Method Not Allowed",
        headers={"Allow": allow},
    )


async def http_error(request: Request, error: Exception) -> Response:
    """Render the framework's own 404 and 405 in the common error format; an exception handler.

    Args:
        error: an `HTTPException`.
    """
    assert isinstance(error, HTTPException)  # noqa: S101 -- registered for this class
    reason, code = _BY_STATUS.get(error.status_code, (CommonReason.REQUEST_NOT_ACCEPTED, "invalid_request"))
    return refusal_response(
        request.scope,
        reason,
        status=error.status_code,
        error=code,
        description=str(error.detail),
        headers=error.headers,
    )


_BY_STATUS = {
    404: (CommonReason.NOT_FOUND, "not_found"),
    405: (CommonReason.METHOD_NOT_ALLOWED, "method_not_allowed"),
}
