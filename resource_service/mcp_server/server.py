"""The built-in MCP server as an ASGI app."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.mcpserver import MCPServer
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp, Receive, Scope, Send

from resource_service.mcp_server.notes import Notes
from resource_service.mcp_server.tools import NotesTools
from resource_service.policy.watcher import PolicyWatcher
from resource_service.principal import Principal, principal_in
from shared.version import VERSION

INSTRUCTIONS = (
    "Notes of the user who has logged in, the same from every client. `whoami` tells who that is. "
    "A call that is refused for lack of a scope can be made again after the user has granted it."
)


class NotesServer:
    """The MCP server with its sessions: an ASGI app behind the guard.

    Args:
        policy: the scopes that the tools need.
        max_body_bytes: of one message.
    """

    def __init__(self, notes: Notes, policy: PolicyWatcher, *, max_body_bytes: int) -> None:
        with _logging_kept():
            server: MCPServer[object] = MCPServer(
                "doorward-notes",
                title="Doorward notes",
                instructions=INSTRUCTIONS,
                version=VERSION,
                subscriptions=False,
            )
        NotesTools(notes, policy).add_to(server)
        # Host and Origin are checked by outer middleware against the public URL; only the internal address is
        # known here.
        unchecked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        server.streamable_http_app(transport_security=unchecked, max_request_body_size=max_body_bytes)
        self._manager = server.session_manager
        self._app: ASGIApp = AuthContextMiddleware(StreamableHTTPASGIApp(self._manager))

    def run(self) -> AbstractAsyncContextManager[None]:
        """Run the sessions; leaving the context ends them all. Enter it once."""
        return self._manager.run()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The SDK binds a session to this user: client, issuer and subject (RS-8).
        scope["user"] = _sdk_user(principal_in(scope))
        await self._app(scope, receive, send)


def _sdk_user(principal: Principal) -> AuthenticatedUser:
    return AuthenticatedUser(
        AccessToken(
            token="",  # the guard does not pass the token on, so that it cannot leak further
            client_id=principal.client_id,
            scopes=list(principal.scopes),
            expires_at=principal.expires_at,
            subject=principal.subject,
            claims={"iss": principal.issuer},
        )
    )


@contextmanager
def _logging_kept() -> Iterator[None]:
    """Restore the process's logging configuration, which the SDK's server changes when it is created."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)
