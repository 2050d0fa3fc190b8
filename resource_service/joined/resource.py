"""The joined URL as a resource of this service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fastapi import APIRouter
from starlette.routing import Route

from resource_service.auth.authentication import Authenticate
from resource_service.errors import Refuse
from resource_service.joined.dispatch import Dispatch
from resource_service.joined.endpoint import JoinedEndpoint
from resource_service.joined.policy import JoinedPolicy
from resource_service.joined.sections import Section, section_of
from resource_service.journal.recorder import CallRecorder
from resource_service.middleware.guard import Guard
from resource_service.routes.metadata import SLASHES, metadata_routes
from resource_service.settings import ResourceSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedResource:
    """All mounts at one URL.

    Attributes:
        settings: of the service; its `resource` is the URL.
        authenticate: determines the principal of a request; the audience is this resource.
    """

    settings: ResourceSettings
    authenticate: Authenticate
    endpoint_app: JoinedEndpoint

    @property
    def path(self) -> str:
        """The path under which the app serves it."""
        return self.settings.mcp_path or "/"

    @property
    def policy(self) -> JoinedPolicy:
        """The scopes of all mounts."""
        return self.endpoint_app.policy

    def endpoint(self) -> list[Route]:
        """Return the MCP endpoint with and without a trailing slash; each challenge uses its spelling."""
        apps = {
            f"{self.settings.mcp_path}{slash}" or "/": replace(
                self.endpoint_app,
                refuse=Refuse(self.settings.spelled(slash).metadata_url, self.policy.scopes),
            )
            for slash in SLASHES
        }
        return [Route(path, app) for path, app in apps.items()]

    def metadata(self) -> APIRouter:
        """Return the metadata routes; see `metadata_routes`."""
        return metadata_routes(self.settings, self.policy, at_root=True)


def joined_resource(
    settings: ResourceSettings,
    guards: Mapping[str, Guard],
    *,
    authenticate: Authenticate,
    calls: CallRecorder,
) -> JoinedResource:
    """Join the mounts of `settings`.

    Args:
        guards: of the mounts, by path.
        authenticate: see `JoinedResource`.
        calls: records requests to the joined URL.
    """
    any_guard = next(iter(guards.values()))
    scopes: list[JoinedPolicy] = []
    refuse = Refuse(settings.metadata_url, lambda: scopes[0].scopes())
    sections = [_section(settings, path, guard, refuse=refuse) for path, guard in guards.items()]
    scopes.append(JoinedPolicy(sections))
    endpoint = JoinedEndpoint(
        authenticate=authenticate,
        refuse=refuse,
        policy=scopes[0],
        leases=any_guard.leases,
        resource=settings.resource,
        calls=calls,
        stopped=any_guard.stopped,
        max_body_bytes=settings.max_body_bytes,
        dispatch=Dispatch(
            name=settings.resource_name,
            search=settings.join_search,
            mounts={section.name: section for section in sections},
        ),
    )
    return JoinedResource(settings=settings, authenticate=authenticate, endpoint_app=endpoint)


def _section(settings: ResourceSettings, path: str, guard: Guard, *, refuse: Refuse) -> Section:
    mount = next(mount for mount in settings.mounts if mount.path == path)
    title = mount.name or mount.name_in_url
    return section_of(guard, name=mount.name_in_url, title=title, path=path, refuse=refuse)
