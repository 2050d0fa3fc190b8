"""The JSON form of an error, the same from every corner of both services."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from shared.logs import current_request_id, get_logger
from shared.reasons import CommonReason, ReasonCode

_log = get_logger(__name__)


def error_response(
    status: int,
    error: str,
    description: str,
    headers: Mapping[str, str] | None = None,
    *,
    reason: ReasonCode | None,
) -> JSONResponse:
    """An error as RFC 6749 §5.2 writes it, with the request id under which the log explains it.

    Args:
        error: the code for programs.
        description: for the developer who reads it; nothing private.
        reason: becomes `reason_code`; None where a code would say more than the description.
    """
    body = {"error": error, "error_description": description}
    if reason is not None:
        body["reason_code"] = reason.code
    if request_id := current_request_id.get():
        body["request_id"] = request_id
    # `BrowserPages` answers the same request with a page where a browser makes it.
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
    """`error_response` with its line in the log: for what is refused before anybody could say more."""
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
    """The answer where nothing is served."""
    return refusal_response(
        scope, CommonReason.NOT_FOUND, status=404, error="not_found", description="Not Found"
    )


def method_not_allowed(scope: Scope, allow: str) -> JSONResponse:
    """The answer to another method than those of `allow` (RFC 9110 §15.5.6)."""
    return refusal_response(
        scope,
        CommonReason.METHOD_NOT_ALLOWED,
        status=405,
        error="method_not_allowed",
        description="Method Not Allowed",
        headers={"Allow": allow},
    )


async def http_error(request: Request, error: Exception) -> Response:
    """The framework's own 404 and 405, in the form of every other error: to be registered for them.

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
