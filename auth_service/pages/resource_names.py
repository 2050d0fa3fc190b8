"""The names of resources, as pages about connected accounts show them."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.protocol.resources import ResourceRegistry


@dataclass(frozen=True, slots=True)
class ResourceNames:
    """The names of configured resources."""

    registry: ResourceRegistry

    def of(self, resource: str) -> str:
        """Return the name of a resource; its URL if it is no longer configured."""
        configured = self.registry.by_identifier(resource)
        return resource if configured is None else configured.name

    def of_joining(self, resource: str) -> str:
        """Return the names of the resources that join it, which its accounts serve as well."""
        return ", ".join(each.name for each in self.registry.joining(resource))
