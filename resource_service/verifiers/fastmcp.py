"""A token verifier for FastMCP 4: ``fastmcp.FastMCP``. The one module here that needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Unpack

from fastmcp.server.auth import AccessToken, TokenVerifier  # type: ignore[import-not-found]
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp

from resource_service.routes.metadata import metadata_documents
from resource_service.verifiers.guard_middleware import Document
from resource_service.verifiers.protection import NO_SCOPES, Protection
from resource_service.verifiers.settings import SettingsKwargs
from shared.asgi import Cors, CorsPolicy


class DoorwardTokenVerifier(TokenVerifier):  # type: ignore[misc]
    """FastMCP's `TokenVerifier`, which asks Doorward, and brings along all that belongs in front of a server.

        server = FastMCP("notes", auth=DoorwardTokenVerifier(tool_scopes={"add_note": ["notes:write"]}))
        server.run(transport="http")

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
        super().__init__(
            base_url=self._protection.settings.base_url,
            required_scopes=sorted(self._protection.policy.current.required),
        )

    async def verify_token(self, token: str) -> AccessToken | None:
        """What FastMCP asks about each request.

        Raises:
            Refusal: the issuer cannot be asked.
            RuntimeError: tools need scopes, and it is not FastMCP's HTTP app that is served.
        """
        fields = await self._protection.token_fields(token)
        return None if fields is None else AccessToken(**fields)

    def get_routes(self, mcp_path: str | None = None) -> list[Route]:
        """The metadata, for `get_well_known_routes` where the server is mounted in another app.

        Args:
            mcp_path: where FastMCP serves MCP.
        """
        self.set_mcp_path(mcp_path)
        anyone = CorsPolicy(("GET", "HEAD"))
        documents = metadata_documents(self._protection.settings, self._protection.policy)
        return [
            Route(path, endpoint=Cors(Document(document), policy_of=lambda _path: anyone))
            for path, document in documents.items()
        ]

    def get_middleware(self) -> list[Middleware]:
        """The guard, and behind it what FastMCP has of its own."""
        return [Middleware(self._guarded), *super().get_middleware()]

    def _guarded(self, app: ASGIApp) -> ASGIApp:
        # Called when the app starts, so FastMCP has said by now where it serves MCP.
        return self._protection.in_front_of(app, path=self._mcp_path or self._protection.path)
