"""The JSON form of an error, the same from every corner of both services."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse
from starlette.types import Scope

from shared.logs import current_request_id, get_logger

_log = get_logger(__name__)


def error_response(
    status: int, error: str, description: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An error as RFC 6749 §5.2 writes it, with the request id under which the log explains it.

    Args:
        error: the code for programs.
        description: for the developer who reads it; nothing private.
    """
    body = {"error": error, "error_description": description}
    if request_id := current_request_id.get():
        body["request_id"] = request_id
    # `BrowserPages` answers the same request with a page where a browser makes it.
    return JSONResponse(body, status, {"Vary": "Accept", **(headers or {})})


def refusal_response(
    scope: Scope, *, status: int, error: str, description: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """`error_response` with its line in the log: for what is refused before anybody could say more."""
    _log.info(
        "refused", reason=description, error=error, status=status, method=scope["method"], path=scope["path"]
    )
    return error_response(status, error, description, headers)
