"""One resource of this service: an MCP server behind the guard, with its metadata."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter
from starlette.routing import Route

from resource_service.auth.authentication import Authenticate
from resource_service.auth.dpop.check import DpopValidator
from resource_service.backend import Backend
from resource_service.errors import Refuse
from resource_service.introspection.client import Introspect
from resource_service.introspection.leases import Leases
from resource_service.middleware.guard import Guard
from resource_service.middleware.tool_schemas import ToolSchemas
from resource_service.routes.metadata import SLASHES, metadata_routes
from resource_service.settings import ResourceSettings
from shared.clock import Clock, steady_clock


class ProtectedResource:
    """The resource that `settings` describe and `backend` serves.

    Attributes:
        path: the path under which the app serves it.
        policy: the scopes and what they allow.
        refuse: builds the response to a refusal, with the challenge of this resource.
        authenticate: determines the principal of a request; the audience is this resource.
    """

    def __init__(
        self,
        *,
        settings: ResourceSettings,
        backend: Backend,
        introspect: Introspect,
        dpop_validator: DpopValidator,
        leases: Leases,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.backend = backend
        self.path = settings.mcp_path or "/"
        self.policy = backend.policy
        self.refuse = Refuse(settings.metadata_url, self.policy.scopes)
        self.authenticate = Authenticate(
            introspect=introspect,
            dpop_validator=dpop_validator,
            resource=settings.resource,
            issuer=settings.issuer,
            clock=clock,
        )
        schemas = ToolSchemas(backend.app, steady_clock)
        self._guard = Guard(
            app=backend.app,
            authenticate=self.authenticate,
            policy=self.policy,
            refuse=self.refuse,
            leases=leases,
            schemas=schemas,
            max_body_bytes=settings.max_body_bytes,
        )

    def endpoint(self) -> list[Route]:
        """Return the MCP endpoint with and without a trailing slash; each challenge uses its spelling."""
        guards = {
            f"{self.settings.mcp_path}{slash}" or "/": replace(
                self._guard, refuse=Refuse(self.settings.spelled(slash).metadata_url, self.policy.scopes)
            )
            for slash in SLASHES
        }
        return [Route(path, guard) for path, guard in guards.items()]

    def metadata(self, *, at_root: bool) -> APIRouter:
        """Return the metadata routes; see `metadata_routes`."""
        return metadata_routes(self.settings, self.policy, at_root=at_root)
