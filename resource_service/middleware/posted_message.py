"""Read the messages of a POST, and check its headers against them."""

from __future__ import annotations

from starlette.types import Receive, Scope

from resource_service.errors import Refusal, body_too_large, malformed_message, unsupported_media_type
from resource_service.messages.jsonrpc import INVALID_REQUEST, MalformedMessageError, Posted, read_posted
from resource_service.messages.mcp_headers import (
    HEADER_MISMATCH,
    HeaderMismatchError,
    ToolCall,
    check_headers,
)
from resource_service.messages.media_type import UnsupportedMediaTypeError, check_media_type
from resource_service.reasons import Reason
from shared.asgi import BodyTooLargeError, read_body


async def posted_in(scope: Scope, receive: Receive, *, max_body_bytes: int) -> Posted:
    """Return the messages of a POST.

    Raises:
        Refusal: they are too large, or not unambiguous JSON-RPC.
    """
    try:
        check_media_type(scope)
        return read_posted(await read_body(scope, receive, max_body_bytes=max_body_bytes))
    except UnsupportedMediaTypeError as error:
        raise unsupported_media_type(str(error), rpc_code=INVALID_REQUEST) from error
    except BodyTooLargeError as error:
        raise body_too_large(max_body_bytes) from error
    except MalformedMessageError as error:
        raise malformed_message(Reason.MESSAGE_MALFORMED, str(error), rpc_code=error.code) from error


def checked_headers(scope: Scope, posted: Posted) -> ToolCall | None:
    """Check the headers of a POST; see `check_headers`.

    Raises:
        Refusal: they contradict the messages.
    """
    try:
        return check_headers(scope["headers"], posted)
    except HeaderMismatchError as error:
        raise mismatch(error) from error


def mismatch(error: HeaderMismatchError) -> Refusal:
    """Refuse a request whose headers contradict its message."""
    return malformed_message(
        Reason.HEADERS_CONTRADICT_BODY, str(error), rpc_code=HEADER_MISMATCH, rpc_id=error.request_id
    )
