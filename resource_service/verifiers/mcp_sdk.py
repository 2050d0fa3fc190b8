"""A token verifier for the official MCP SDK: ``mcp.server.mcpserver.MCPServer``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.types import ASGIApp

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
        return protection.in_front_of(inner, path=options.get("streamable_http_path", protection.path))
