"""All upstream failures. None has status 401, which would be about the client's token."""

from __future__ import annotations

from resource_service.errors import Refusal
from resource_service.reasons import Reason
from shared.reasons import CommonReason

INVALID_REQUEST = -32600


def unreachable(detail: str) -> Refusal:
    """The upstream cannot be reached; it may be restarting."""
    description = "The MCP server cannot be reached at the moment; try again."
    return Refusal(Reason.UPSTREAM_UNREACHABLE, 503, "upstream_unavailable", description, detail=detail)


def too_busy(detail: str) -> Refusal:
    """Reaching the upstream would exceed its limits."""
    description = "The MCP server is too busy at the moment; try again."
    return Refusal(Reason.UPSTREAM_BUSY, 503, "upstream_busy", description, detail=detail)


class UnauthorizedRefusal(Refusal):
    """The upstream answers 401: it refuses the credential of the request."""


def unauthorized(detail: str) -> Refusal:
    """The upstream refuses the credential of the request, which the client knows nothing about."""
    return UnauthorizedRefusal(
        Reason.UPSTREAM_CREDENTIALS_REFUSED,
        502,
        "upstream_failed",
        "The MCP server did not send a valid response.",
        detail=detail,
    )


def failed(reason: Reason, detail: str) -> Refusal:
    """The upstream gave an answer that cannot be forwarded, or closed the connection before answering."""
    return Refusal(
        reason, 502, "upstream_failed", "The MCP server did not send a valid response.", detail=detail
    )


def unreadable(fault: str, detail: str) -> Refusal:
    """The upstream's response is not an answer to the request."""
    description = f"The MCP server sent a malformed response: {fault}."
    return Refusal(Reason.UPSTREAM_ANSWER_UNREADABLE, 502, "upstream_failed", description, detail=detail)


def too_large(max_bytes: int, upstream: str) -> Refusal:
    """The upstream's JSON answer exceeds the limit."""
    description = (
        f"The MCP server's answer is larger than {max_bytes} bytes, which is the limit of this gateway "
        "(DOORWARD_UPSTREAM_MAX_MESSAGE_BYTES)."
    )
    detail = f"{upstream}: {description}"
    return Refusal(Reason.UPSTREAM_ANSWER_TOO_LARGE, 502, "upstream_failed", description, detail=detail)


def redirects(detail: str) -> Refusal:
    """The upstream redirects to an address other than the configured one."""
    description = (
        "The MCP server behind this gateway redirects to another address. "
        "Its operator must set DOORWARD_UPSTREAM to that address."
    )
    return Refusal(Reason.UPSTREAM_REDIRECTS, 502, "upstream_redirects", description, detail=detail)


def refuses_host(detail: str) -> Refusal:
    """The upstream accepts only other host names, as a protection against DNS rebinding."""
    description = (
        "The MCP server behind this gateway refuses the Host header of the gateway. Its operator must "
        "set DOORWARD_UPSTREAM_HOST to a name that the MCP server accepts, or "
        "configure the MCP server to accept this one."
    )
    return Refusal(Reason.UPSTREAM_REFUSES_HOST, 502, "upstream_refuses_host", description, detail=detail)


def silent(detail: str) -> Refusal:
    """The upstream received the request and did not answer in time."""
    description = "The MCP server did not respond in time."
    return Refusal(Reason.UPSTREAM_TIMEOUT, 504, "upstream_silent", description, detail=detail)


def method_not_allowed(method: str) -> Refusal:
    """Streamable HTTP supports POST, GET and DELETE only."""
    description = "The MCP endpoint does not support this method."
    return Refusal(CommonReason.METHOD_NOT_ALLOWED, 405, "method_not_allowed", description, detail=method)


def no_such_session(detail: str) -> Refusal:
    """The session is unknown, has ended, or is another principal's; only the log says which (RS-8)."""
    return Refusal(
        Reason.SESSION_UNKNOWN,
        404,
        "session_not_found",
        "There is no such session; initialize a new one.",
        detail=detail,
        rpc_code=INVALID_REQUEST,
    )


def malformed_request(reason: Reason, status: int, description: str) -> Refusal:
    """The request violates the transport's rules."""
    return Refusal(reason, status, "invalid_request", description, rpc_code=INVALID_REQUEST)
