"""Resources (RFC 8707) and scopes that can be requested, and how a request for them is resolved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from auth_service.protocol.admin_access import may_administer
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidScopeError, InvalidTargetError
from auth_service.protocol.reasons import Reason
from shared.scopes import parse_scope
from shared.uris import resource_key

OFFLINE_ACCESS = "offline_access"
"""The scope for long-lived access (OpenID Connect Core §11)."""

GROUPS = "groups"
"""The scope for the names of a person's groups, as other identity providers call it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedResource:
    """A resource that tokens are issued for.

    Attributes:
        resource: its identifier, byte for byte as the resource server announces it.
        scopes: scope token to its description.
        default_scopes: granted to a request that names none.
        joins: the mounts that a gateway serves together at this resource: their names, and the URLs of their
            own resources.
    """

    resource: str
    name: str
    scopes: Mapping[str, str]
    default_scopes: tuple[str, ...]
    joins: Mapping[str, str] = field(default_factory=dict)

    def mount_of(self, scope: str) -> str | None:
        """Return the joined mount that a scope is about, ``MOUNT`` or ``MOUNT:SCOPE``; None for no mount."""
        mount = scope.partition(":")[0]
        return mount if mount in self.joins else None


def mounts_at(url: str, joined: Mapping[str, str]) -> set[str]:
    """Return the names of the joined mounts whose own resource is at `url`."""
    key = resource_key(url)
    return {mount for mount, own in joined.items() if resource_key(own) == key}


class ScopeSection(NamedTuple):
    """Scopes about one joined mount, or about none.

    Attributes:
        mount: the name of the mount in scopes; None for scopes about no mount.
        name: the name of the mount for people.
    """

    mount: str | None
    name: str | None
    scopes: Sequence[str]


@dataclass(frozen=True)
class ResourceRegistry:
    """All grantable resources and scopes.

    Attributes:
        own_scopes: the scopes of the authorization server itself, with their descriptions.
        admin: the admin API. It is not announced, never the default, and only for some clients.
    """

    resources: Sequence[ProtectedResource]
    own_scopes: Mapping[str, str]
    admin: ProtectedResource | None = None
    _by_key: dict[str, ProtectedResource] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_key", {resource_key(r.resource): r for r in self._all()})

    def _all(self) -> tuple[ProtectedResource, ...]:
        return (*self.resources, *([self.admin] if self.admin else []))

    @property
    def scopes_supported(self) -> list[str]:
        """Every scope that can be granted, the server's own first."""
        return list(dict.fromkeys([*self.own_scopes, *(s for r in self.resources for s in r.scopes)]))

    @property
    def scope_descriptions(self) -> dict[str, str]:
        """Every scope that can be granted, with its description."""
        return {**self.own_scopes, **{s: text for r in self.resources for s, text in r.scopes.items()}}

    def resource_for(
        self, requested: str | None, scope: str | None = None, *, client: Client | None = None
    ) -> ProtectedResource | None:
        """Return the resource that a request is for.

        A request that names none is for the only resource there is, unless it requests OpenID scopes and no
        scope of that resource: an app that only signs users in gets a token for UserInfo and nothing else
        (RFC 9700 §2.3).

        Args:
            scope: the requested scope.
            client: the client that the tokens are for; None for one that never administers this server.

        Raises:
            InvalidTargetError: this server does not issue tokens for the resource, or not to the client.
            InvalidScopeError: the scope is malformed.
        """
        if requested is None:
            return self._default_resource(_scopes_in(scope))
        resource = self.by_identifier(requested)
        if resource is None:
            raise InvalidTargetError(
                Reason.RESOURCE_UNKNOWN, "this server does not issue tokens for this resource"
            )
        if resource is self.admin and (client is None or not may_administer(client)):
            raise InvalidTargetError(
                Reason.ADMIN_CLIENT_NOT_ALLOWED, "this client may not administer this server"
            )
        return resource

    def _default_resource(self, requested: Sequence[str]) -> ProtectedResource | None:
        if len(self.resources) != 1:
            return None
        resource = self.resources[0]
        signs_in = any(s in self.own_scopes and s != OFFLINE_ACCESS for s in requested)
        return None if signs_in and resource.scopes.keys().isdisjoint(requested) else resource

    def by_identifier(self, resource: str | None) -> ProtectedResource | None:
        """Return the resource with that URL, if still configured: grants may outlive the configuration."""
        try:
            return self._by_key.get(resource_key(resource)) if resource else None
        except ValueError:
            return None

    def joining(self, resource: str) -> list[ProtectedResource]:
        """Return the resources that join the one with that URL."""
        return [each for each in self.resources if mounts_at(resource, each.joins)]

    def resolve_scopes(
        self, scope: str | None, resource: ProtectedResource | None, *, client: Client | None = None
    ) -> tuple[str, ...]:
        """Return the scopes that a request can be granted; unknown ones are dropped (RFC 6749 §3.3).

        A request without known scopes gets the resource's default. So does one for offline_access alone,
        which is not access by itself: Claude adds it even if it requests no other scope.

        Args:
            client: the client that requests them; None for one that never learns a person's groups.

        Raises:
            InvalidScopeError: the scope is malformed.
        """
        requested = _scopes_in(scope)
        supported = set(self.own_scopes) | set(resource.scopes if resource else ())
        # Some clients request everything that `scopes_supported` lists, but groups describe an organization.
        if client is None or GROUPS not in _scopes_in(client.metadata.get("scope")):
            supported.discard(GROUPS)
        granted = tuple(s for s in requested if s in supported)
        if resource and not set(granted) - {OFFLINE_ACCESS}:
            return (*resource.default_scopes, *granted)
        return granted

    def scope_description(self, scope: str, resource: str | None) -> str:
        """Return the description of `scope` to show to people."""
        protected_resource = self.by_identifier(resource)
        return (
            (protected_resource.scopes.get(scope) if protected_resource else None)
            or self.own_scopes.get(scope)
            or scope
        )

    def by_mount(self, scopes: Iterable[str], resource: ProtectedResource | None) -> list[ScopeSection]:
        """Return scopes in sections: those about no mount first, then those of each joined mount."""
        sections: dict[str | None, list[str]] = {None: []}
        for scope in scopes:
            sections.setdefault(None if resource is None else resource.mount_of(scope), []).append(scope)
        return [
            ScopeSection(
                mount, None if mount is None or resource is None else self.mount_name(resource, mount), listed
            )
            for mount, listed in sections.items()
            if listed
        ]

    def mount_name(self, resource: ProtectedResource, mount: str) -> str:
        """Return the name of a joined mount for people: that of its own resource."""
        own = self.by_identifier(resource.joins[mount])
        return mount if own is None else own.name


def _scopes_in(scope: str | None) -> tuple[str, ...]:
    try:
        return parse_scope(scope or "")
    except ValueError as error:
        raise InvalidScopeError(Reason.SCOPE_MALFORMED, "scope is malformed") from error
