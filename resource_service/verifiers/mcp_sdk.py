"""A token verifier for the official MCP SDK: ``mcp.server.mcpserver.MCPServer``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, RequireAuthMiddleware
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from resource_service.principal import principal_in
from resource_service.verifiers.protection import NO_SCOPES, Protection
from resource_service.verifiers.settings import SettingsKwargs


class DoorwardTokenVerifier:
    """The SDK's `TokenVerifier` that uses Doorward.

        doorward = DoorwardTokenVerifier(tool_scopes={"add_note": ["notes:write"]})
        server = MCPServer("notes", token_verifier=doorward, auth=doorward.auth)
        app = doorward.app(server)

    Serve `app`. The SDK's own app also checks required scopes and the audience, but its challenge names no
    scopes, it has no scopes for tools, and an outage results in a 500.

    Args:
        required_scopes: the scopes that every request needs.
        tool_scopes: maps a tool to all scopes that a call needs in addition.
        implies: maps a scope to the narrower scopes that it includes.
        settings: the settings, named as in `ResourceSettings`; omitted ones come from the environment.

    Raises:
        pydantic.ValidationError: a setting is missing or invalid; the error names it.
        ValueError: both scopes and a policy file are given.
    """

    def __init__(
        self,
        required_scopes: Iterable[str] = (),
        tool_scopes: Mapping[str, Iterable[str]] = NO_SCOPES,
        implies: Mapping[str, Iterable[str]] = NO_SCOPES,
        **settings: Unpack[SettingsKwargs],
    ) -> None:
        self._protection = Protection(required_scopes, tool_scopes, implies, **settings)

    @property
    def auth(self) -> AuthSettings:
        """The value for the `auth` argument of `MCPServer`."""
        settings = self._protection.settings
        return AuthSettings(
            issuer_url=AnyHttpUrl(settings.issuer),
            resource_server_url=AnyHttpUrl(settings.resource),
            required_scopes=sorted(self._protection.policy.current.required),
            validate_token_resource=True,
        )

    async def verify_token(self, token: str) -> AccessToken | None:
        """Verify a token for the SDK, which calls this for each request.

        Raises:
            Refusal: the issuer cannot be queried.
            RuntimeError: tools need scopes, but the served app is not `app`.
        """
        fields = await self._protection.token_fields(token)
        return None if fields is None else AccessToken(**fields)

    def app(self, server: MCPServer[Any], **options: Any) -> ASGIApp:  # noqa: ANN401 -- the SDK's own
        """Return `server` as a protected ASGI app at the path of the resource.

        Args:
            server: created with this verifier and its `auth`.
            options: the options of `MCPServer.streamable_http_app`.
        """
        protection = self._protection
        # Outer middleware checks Origin against the public URL; the SDK would require a local name in Host.
        unchecked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        inner = server.streamable_http_app(
            **{
                "streamable_http_path": protection.path,
                "transport_security": unchecked,
                "max_request_body_size": protection.settings.max_body_bytes,
                **options,
            }
        )
        path = options.get("streamable_http_path", protection.path)
        return protection.in_front_of(inner, path=path, endpoint=_admitted_endpoint(inner, path, protection))


class _AdmittedEndpoint:
    """The SDK's MCP endpoint, for requests that the guard has admitted.

    The SDK's middleware would verify the placeholder of the token, whose principal is known. What it tells
    the endpoint and the tools is the same here.

    Args:
        app: the SDK's app, which contains the endpoint.
    """

    def __init__(self, app: Starlette, endpoint: RequireAuthMiddleware, protection: Protection) -> None:
        self._app = app
        self._endpoint = endpoint
        self._protection = protection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        user = AuthenticatedUser(AccessToken(**self._protection.fields_of_admitted(principal_in(scope))))
        inner = {**scope, "app": self._app, "auth": AuthCredentials(user.scopes), "user": user}
        outside = auth_context_var.set(user)
        try:
            await self._endpoint(inner, receive, send)
        finally:
            auth_context_var.reset(outside)


def _admitted_endpoint(app: Starlette, path: str, protection: Protection) -> ASGIApp | None:
    """Return the MCP endpoint of the SDK's app; None if the app serves it in another way."""
    for route in app.routes:
        if isinstance(route, Route) and route.path == path:
            endpoint: object = route.endpoint
            return (
                _AdmittedEndpoint(app, endpoint, protection)
                if isinstance(endpoint, RequireAuthMiddleware)
                else None
            )
    return None
