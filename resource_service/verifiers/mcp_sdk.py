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
    """The SDK's `TokenVerifier`, which asks Doorward.

        doorward = DoorwardTokenVerifier(tool_scopes={"add_note": ["notes:write"]})
        server = MCPServer("notes", token_verifier=doorward, auth=doorward.auth)
        app = doorward.app(server)

    `app` is what is to be served. The SDK's own app holds required scopes and the audience, too, but its
    challenge names no scopes, it knows nothing of tools, and an outage is a 500.

    Args:
        required_scopes: what every request needs.
        tool_scopes: tool to the scopes that a call of it needs beside those, all of them.
        implies: a scope to the narrower ones that it includes.
        settings: settings, by the names of `ResourceSettings`; the environment has those that are left out.

    Raises:
        pydantic.ValidationError: a setting is missing or wrong; it says which.
        ValueError: scopes are given, and a policy file as well.
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
        """What `MCPServer` wants as its `auth`."""
        settings = self._protection.settings
        return AuthSettings(
            issuer_url=AnyHttpUrl(settings.issuer),
            resource_server_url=AnyHttpUrl(settings.resource),
            required_scopes=sorted(self._protection.policy.current.required),
            validate_token_resource=True,
        )

    async def verify_token(self, token: str) -> AccessToken | None:
        """What the SDK asks about each request.

        Raises:
            Refusal: the issuer cannot be asked.
            RuntimeError: tools need scopes, and it is not `app` that is served.
        """
        fields = await self._protection.token_fields(token)
        return None if fields is None else AccessToken(**fields)

    def app(self, server: MCPServer[Any], **options: Any) -> ASGIApp:  # noqa: ANN401 -- the SDK's own
        """`server` as an ASGI app at the path of the resource, protected.

        Args:
            server: made with this verifier and its `auth`.
            options: of `MCPServer.streamable_http_app`.
        """
        protection = self._protection
        # Origin is checked in front, against the public URL; the SDK would want this machine's name in Host.
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
