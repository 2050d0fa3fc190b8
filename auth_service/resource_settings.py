"""The protected resources, and the settings of the one that most installations have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from auth_service.protocol.admin_access import SCOPE
from auth_service.protocol.upstream_providers import ConfiguredProvider
from auth_service.upstream_settings import UpstreamApiKey, UpstreamOAuth
from shared.environment import PublicUrl
from shared.scopes import SCOPE_TOKEN
from shared.texts import Text
from shared.uris import resource_key, split_absolute
from shared.well_known import PROTECTED_RESOURCE

DEFAULT_ID = "resource"
"""The id of a resource server, unless both services set another one."""

OPENID_SCOPES = {
    "openid": Text("Know that it is you"),
    "profile": Text("See your name"),
    "groups": Text("See which groups you are in"),
    "offline_access": Text("Stay connected while you are away"),
}
"""Scopes that the authorization server itself grants, with their descriptions on the consent page."""


def _internal(url: str) -> str:
    # Often reached inside a private network, so http is allowed here, unlike for public URLs.
    parts = split_absolute(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or "#" in url:
        raise ValueError("the metadata URL must be http or https, without user information or a fragment")
    return url


InternalUrl = Annotated[str, AfterValidator(_internal)]


def _of_resource(scopes: dict[str, str]) -> dict[str, str]:
    for scope in scopes:
        if not SCOPE_TOKEN.match(scope) or scope in (*OPENID_SCOPES, SCOPE):
            raise ValueError(f"{scope!r} cannot be a scope of a resource")
    return scopes


Scopes = Annotated[dict[str, str], AfterValidator(_of_resource)]


MountName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,23}$")]


def _named(joins: object) -> object:
    """Name mounts that are only listed: as the gateway does, by the last segments of their URLs."""
    if not isinstance(joins, list | tuple):
        return joins
    named = {str(url).rpartition("/")[2]: url for url in joins}
    if len(named) < len(joins):
        raise ValueError("two of the mounts have the same name")
    return named


class Resource(BaseModel):
    """One protected resource (RFC 8707 §2), for which tokens are issued.

    Attributes:
        resource: the URL that a user pastes, byte for byte as the resource server announces it.
        scopes: scope token to its description on the consent page; by default, those of the joined mounts.
        default_scopes: granted to a request without scope; by default all scopes.
        access_token_format: ``jwt`` for access tokens that the resource can verify by itself (RFC 9068).
        metadata_url: where this server fetches the metadata of the resource (RFC 9728) for the consent page;
            may be an internal address. By default the public URL.
        joins: the mounts that the gateway serves together at this resource: the URLs of their own resources,
            or their names and these, whose access rules then also apply here.
        upstream_oauth: where people connect an account whose credential the gateway adds to their requests,
            also to those through a resource that joins this one.
        upstream_api_key: the service whose API key people enter, for the same purpose; not both.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    resource: PublicUrl
    name: str = Field(min_length=1, max_length=100)
    scopes: Scopes = Field(default_factory=dict)
    default_scopes: tuple[str, ...] | None = None
    access_token_format: Literal["opaque", "jwt"] = "opaque"  # noqa: S105
    metadata_url: InternalUrl | None = None
    joins: Annotated[dict[MountName, PublicUrl], BeforeValidator(_named)] = Field(default_factory=dict)
    upstream_oauth: UpstreamOAuth | None = None
    upstream_api_key: UpstreamApiKey | None = None

    @property
    def described_at(self) -> str:
        """The URL of the resource's metadata, by default that of RFC 9728 §3.1."""
        parts = split_absolute(self.resource)
        path = parts.path if parts.path != "/" else ""
        return self.metadata_url or f"{parts.scheme}://{parts.netloc}{PROTECTED_RESOURCE}{path}"

    @model_validator(mode="after")
    def _defaults_are_listed(self) -> Self:
        if self.joins and not self.scopes:
            return self  # they are not known yet
        unknown = set(self.default_scopes or ()) - set(self.scopes)
        if unknown:
            raise ValueError(f"default_scopes names {sorted(unknown)}, which scopes does not list")
        return self

    @model_validator(mode="after")
    def _has_one_credential(self) -> Self:
        if self.upstream_oauth is not None and self.upstream_api_key is not None:
            raise ValueError("upstream_oauth and upstream_api_key exclude each other")
        if self.joins and (self.upstream_oauth or self.upstream_api_key):
            raise ValueError(f"{self.resource} joins mounts: people connect accounts for its mounts")
        return self

    def account_provider(self) -> ConfiguredProvider | None:
        """Return the provider at which people connect an account for this resource.

        Raises:
            ValueError: the file with its secret cannot be read.
        """
        configured = self.upstream_oauth or self.upstream_api_key
        return None if configured is None else configured.provider(self.resource)

    @property
    def granted_by_default(self) -> tuple[str, ...]:
        """The scopes granted to a request without scope."""
        return self.default_scopes if self.default_scopes is not None else tuple(self.scopes)


def joined_mounts(resources: Iterable[Resource]) -> dict[str, Mapping[str, str]]:
    """Return the mounts that resources join, by the key of the resource."""
    return {resource_key(each.resource): each.joins for each in resources if each.joins}


def _described(resource: Resource, own: Mapping[str, Resource]) -> Resource:
    """Return a resource that joins mounts with the scopes of these, if it lists none.

    Args:
        own: the resources by key.
    """
    if resource.scopes or not resource.joins:
        return resource
    mounts = {mount: own.get(resource_key(url)) for mount, url in resource.joins.items()}
    scopes: dict[str, str] = {}
    for mount, described in mounts.items():
        if described is not None:
            scopes[mount] = f"Use {described.name}"
            scopes |= {f"{mount}:{scope}": text for scope, text in described.scopes.items()}
    return Resource.model_validate({**resource.model_dump(exclude_unset=True), "scopes": scopes})


class ResourceServer(BaseModel):
    """A resource server that may introspect tokens for its own resources."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    secret: SecretStr = Field(min_length=32)
    resources: tuple[Resource, ...] = Field(min_length=1)


def _scopes(value: object) -> object:
    """Parse ``scope=description; scope=description``."""
    if not isinstance(value, str):
        return value
    scopes: dict[str, str] = {}
    for item in filter(None, map(str.strip, value.split(";"))):
        scope, separator, description = (part.strip() for part in item.partition("="))
        if not separator or not description:
            raise ValueError(f"{scope!r} needs a description for the consent page: {scope}=DESCRIPTION")
        if scope in scopes:
            raise ValueError(f"{scope!r} is there twice")
        scopes[scope] = description
    return scopes


class ResourceSettings(BaseSettings):
    """One resource by plain variables prefixed with ``DOORWARD_``, or any number of them as JSON.

    Attributes:
        resource: the URL that a user pastes; see `Resource`.
        resource_secret: authenticates the resource server at the introspection endpoint.
        resource_name: on the consent page; by default the host of the URL.
        resource_scopes: ``scope=description; scope=description``.
        resource_metadata_url: see `Resource.metadata_url`.
        resource_servers: JSON; see `ResourceServer`. Replaces all of the above.
    """

    model_config = SettingsConfigDict(
        env_prefix="DOORWARD_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    resource: PublicUrl | None = None
    resource_secret: Annotated[SecretStr, Field(min_length=32)] | None = None
    resource_name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    resource_scopes: Annotated[Scopes, NoDecode, BeforeValidator(_scopes)] = {}
    resource_metadata_url: InternalUrl | None = None
    resource_servers: tuple[ResourceServer, ...] = Field(default=(), validate_default=True)

    @field_validator("resource_servers")
    @classmethod
    def _at_least_one(
        cls, servers: tuple[ResourceServer, ...], info: ValidationInfo
    ) -> tuple[ResourceServer, ...]:
        if servers:
            own = {resource_key(each.resource): each for server in servers for each in server.resources}
            return tuple(_with_joined_scopes(server, own) for server in servers)
        if not info.data.keys() >= _PLAIN:
            return servers  # a plain variable that is not valid is reported by itself
        return (_the_one(info.data),)


def _with_joined_scopes(server: ResourceServer, own: Mapping[str, Resource]) -> ResourceServer:
    resources = tuple(_described(each, own) for each in server.resources)
    return server.model_copy(update={"resources": resources})


_PLAIN = frozenset(ResourceSettings.model_fields) - {"resource_servers"}


def _the_one(plain: Mapping[str, Any]) -> ResourceServer:
    """Return the resource server of the plain variables, which are valid each by itself."""
    resource, secret = plain["resource"], plain["resource_secret"]
    if resource is None:
        raise ValueError("DOORWARD_RESOURCE: set it to the URL that people paste, as in the resource service")
    if secret is None:
        raise ValueError("DOORWARD_RESOURCE_SECRET: set it to the same value as in the resource service")
    described = Resource(
        resource=resource,
        name=plain["resource_name"] or str(split_absolute(resource).hostname)[:100],
        scopes=plain["resource_scopes"],
        metadata_url=plain["resource_metadata_url"],
    )
    return ResourceServer(id=DEFAULT_ID, secret=secret, resources=(described,))
