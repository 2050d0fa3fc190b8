"""An upstream that is a command: Streamable HTTP towards clients, lines on pipes towards its processes."""

from __future__ import annotations

from mcp.server.streamable_http import check_accept_headers
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from resource_service.gateway.errors import malformed_request, method_not_allowed
from resource_service.gateway.messages import Json, kind_of
from resource_service.gateway.pool import ProcessPool
from resource_service.gateway.requests_over_stdio import StdioRequests
from resource_service.gateway.sessions_over_stdio import StdioSessions
from resource_service.messages.jsonrpc import read_posted
from resource_service.principal import principal_in
from resource_service.reasons import Reason
from shared.asgi import header_values, read_body


class StdioGateway:
    """The command as an ASGI app, for requests that have passed the guard.

    Args:
        max_body_bytes: of one MCP message; the guard has already enforced it.
    """

    def __init__(self, pool: ProcessPool, *, max_body_bytes: int) -> None:
        self._sessions = StdioSessions(pool)
        self._requests = StdioRequests(pool)
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request.

        Raises:
            Refusal: the request is not accepted, or the command cannot be run.
        """
        principal = principal_in(scope)
        match scope["method"], _has_sessions(scope):
            case "POST", has_sessions:
                body = await self._body(scope, receive)
                message = _single(body)
                if has_sessions:
                    await self._sessions.post(
                        scope, receive=receive, send=send, principal=principal, message=message, body=body
                    )
                else:
                    await self._requests.post(scope, receive, send, message)
            case "GET", True:
                _check_accepts(scope, json=False)
                await self._sessions.listen(scope, receive, send, principal)
            case "DELETE", True:
                await self._sessions.close_session(scope, receive, send, principal)
            case method, _:
                raise method_not_allowed(method)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        _check_accepts(scope, json=True)
        return await read_body(scope, receive, max_body_bytes=self._max_body_bytes)


def _has_sessions(scope: Scope) -> bool:
    """Check whether the revision of the request begins with a handshake; without a header, it does."""
    named = header_values(scope, "mcp-protocol-version")
    return not named or named[0] in HANDSHAKE_PROTOCOL_VERSIONS


def _check_accepts(scope: Scope, *, json: bool) -> None:
    takes_json, takes_events = check_accept_headers(Request(scope))
    if not takes_events or (json and not takes_json):
        wanted = "application/json and text/event-stream" if json else "text/event-stream"
        raise malformed_request(Reason.MEDIA_TYPE_NOT_ACCEPTED, 406, f"The client must accept {wanted}.")


def _single(body: bytes) -> Json:
    # The guard's parser is used here too, so that the checked message is the one that is executed.
    posted = read_posted(body)
    message = None if posted.is_batch else posted.messages[0]
    if not isinstance(message, dict) or kind_of(message) is None:
        raise malformed_request(Reason.MESSAGE_MALFORMED, 400, "The body must be one JSON-RPC message.")
    return message
