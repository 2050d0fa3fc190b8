"""A token verifier for FastMCP 4: ``fastmcp.FastMCP``. No other module here needs FastMCP."""

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
    """FastMCP's `TokenVerifier` that uses Doorward, with everything that belongs in front of a server.

        server = FastMCP("notes", auth=DoorwardTokenVerifier(tool_scopes={"add_note": ["notes:write"]}))
        server.run(transport="http")

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
        super().__init__(
            base_url=self._protection.settings.base_url,
            required_scopes=sorted(self._protection.policy.current.required),
        )

    async def verify_token(self, token: str) -> AccessToken | None:
        """Verify a token for FastMCP, which calls this for each request.

        Raises:
            Refusal: the issuer cannot be queried.
            RuntimeError: tools need scopes, but the served app is not FastMCP's HTTP app.
        """
        fields = await self._protection.token_fields(token)
        return None if fields is None else AccessToken(**fields)

    def get_routes(self, mcp_path: str | None = None) -> list[Route]:
        """Return the metadata routes, for `get_well_known_routes` if the server is mounted in another app.

        Args:
            mcp_path: the path at which FastMCP serves MCP.
        """
        self.set_mcp_path(mcp_path)
        anyone = CorsPolicy(("GET", "HEAD"))
        documents = metadata_documents(self._protection.settings, self._protection.policy)
        return [
            Route(path, endpoint=Cors(Document(document), policy_of=lambda _path: anyone))
            for path, document in documents.items()
        ]

    def get_middleware(self) -> list[Middleware]:
        """Return the guard, followed by FastMCP's own middleware."""
        return [Middleware(self._guarded), *super().get_middleware()]

    def _guarded(self, app: ASGIApp) -> ASGIApp:
        # This is called when the app starts, so the MCP path of FastMCP is known by now.
        return self._protection.in_front_of(app, path=self._mcp_path or self._protection.path)
