"""The settings of the resource server, from the environment, validated before it starts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from resource_service.gateway_settings import GatewaySettings, Mount
from resource_service.targets import STDIO
from shared.appearance.settings import AppearanceSettings
from shared.environment import Issuer, PublicUrl, listed
from shared.home_networks import HttpNetworks, check_http
from shared.uris import (
    DEFAULT_PORTS,
    check_public_url,
    is_loopback,
    resource_key,
    serialize_origin,
    split_absolute,
)
from shared.well_known import PROTECTED_RESOURCE

INTROSPECTION_PATH = "/introspect"
OWN_PATHS = frozenset(
    {"hello", "health", "live", "ready", "v1", "docs", "openapi.json", "authorize", "token", "register"}
)
"""Paths that the service uses itself; the MCP endpoint must have another name."""

_PLAIN_PATH = re.compile(r"(/[A-Za-z0-9._~@:+-]+)*/?\Z")


def _resource(url: str) -> str:
    path = check_public_url(url, private_http=True).path
    if not _PLAIN_PATH.match(path):
        raise ValueError("the path of the resource must be made of plain segments, without escapes")
    last = path.removesuffix("/").rpartition("/")[2]
    if last in OWN_PATHS or "/.well-known/" in f"{path}/":
        raise ValueError(f"the path of the resource ends in {last!r}, which this service uses itself")
    return url


def _internal(url: str) -> str:
    # This URL is often inside a private network, so unlike public URLs it may be http.
    parts = split_absolute(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError("the introspection endpoint must be an http or https URL with a host")
    if "@" in parts.netloc or "#" in url:
        raise ValueError("the introspection endpoint must not contain user information or a fragment")
    return url


def _origin(text: str) -> str:
    if text == "*":
        return text
    if serialize_origin(split_absolute(text)) != text or not text.startswith(("http://", "https://")):
        raise ValueError(f"{text!r} is not an origin: scheme://host or scheme://host:port, in lower case")
    return text


def _name_of(settings: dict[str, Any]) -> str:
    """Return the default name of the resource: that of the built-in server, or a general one."""
    if settings.get("join"):
        return "MCP servers"
    return "MCP server" if settings.get("upstream") else "Doorward notes"


Origin = Annotated[str, AfterValidator(_origin)]


class ResourceSettings(GatewaySettings, AppearanceSettings):
    """Settings from environment variables prefixed with ``DOORWARD_``: see `docs/reference/configuration.md`.

    MCP is served at the path of `resource`, and everything else beside it: with ``https://host/tools/mcp``,
    the MCP endpoint is ``/tools/mcp`` and the greeting ``/tools/hello``. A proxy may strip ``/tools`` or keep
    it; both work. The metadata is the exception: RFC 9728 puts it at the root of the host, so a proxy must
    forward ``/.well-known/oauth-protected-resource`` unchanged.

    Attributes:
        resource: the URL that a user pastes, announced byte for byte (RFC 9728 §3.3).
        issuer: the issuer of the authorization server, byte for byte.
        resource_server_id: the id of this service at the introspection endpoint.
        introspection_endpoint: its internal address; `issuer` + ``/introspect`` by default.
        resource_name: shown on the consent page.
        resource_documentation: a page for developers (RFC 9728 §2); our docs page by default.
        allow_http_networks: private networks on whose addresses plain http is allowed, for the URLs above.
        allowed_origins: web origins whose pages may call this service, in addition to its own; ``*`` for all.
            A resource on loopback allows every loopback origin, on any port.
        signed_introspection: accept only responses signed by the issuer (RFC 9701).
        verify_jwt_locally: validate JWT access tokens locally if their revocation would be received (RFC
            9068).
        dpop_nonce: require a nonce of this service in each proof for a key-bound token (RFC 9449 §9).
        resource_store: the URL of the store in which all processes of this service remember used proofs; by
            default each process remembers its own in memory.
        replica_url: where the other replicas reach this process; ``auto``: at the address of this host.
        legacy_aliases: serve what the 2025-03-26 revision of MCP expects at this origin.
        notes: ``sqlite://`` stores the notes of the built-in server in memory, ``sqlite:///PATH`` in a file.
        introspection_timeout_s: for one response of the authorization server, including a retry.
        introspection_cache_s: how long a response may be reused while revocations arrive; 0 for never.
        outage_grace_s: how long after the last event an introspection response may be reused if the
            authorization server does not answer. A token that is revoked in this time is accepted.
        max_body_bytes: of one MCP message.
        journal_directory: of the files with the events that are not delivered yet; only in memory by default.
        journal_buffer_bytes: the maximum of these events.
        journal_when_full: what happens to calls then, or if the directory cannot be written.
    """

    model_config = SettingsConfigDict(
        env_prefix="DOORWARD_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    resource: Annotated[str, AfterValidator(_resource)]
    issuer: Issuer
    resource_server_id: str = Field(default="resource", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    resource_secret: SecretStr = Field(min_length=32)
    introspection_endpoint: Annotated[str, AfterValidator(_internal)] | None = None
    resource_name: str = Field(default_factory=_name_of, min_length=1, max_length=100)
    resource_documentation: PublicUrl | None = None
    allow_http_networks: HttpNetworks = ()
    allowed_origins: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(listed)] = ()
    signed_introspection: bool = False
    verify_jwt_locally: bool = False
    dpop_nonce: bool = False
    resource_store: str | None = Field(
        default=None, pattern=r"\A(redis|rediss|redis\+sentinel|redis\+cluster|sqlite)://"
    )
    replica_url: str | None = Field(default=None, pattern=r"^(auto|https?://[^/?#@\s]+)$")
    legacy_aliases: bool = True
    notes: str = Field(default="sqlite://", pattern=r"^sqlite://(/.+)?$")
    introspection_timeout_s: float = Field(default=5.0, gt=0, le=60)
    introspection_cache_s: int = Field(default=300, ge=0, le=3_600)
    outage_grace_s: int = Field(default=0, ge=0, le=3_600)
    max_body_bytes: int = Field(default=4_194_304, ge=1_024)
    journal_directory: Path | None = None
    journal_buffer_bytes: int = Field(default=67_108_864, ge=1_048_576)
    journal_when_full: Literal["refuse", "drop"] = "refuse"

    @model_validator(mode="after")
    def _grace_has_something_to_use(self) -> Self:
        if self.outage_grace_s and not self.introspection_cache_s:
            raise ValueError("DOORWARD_OUTAGE_GRACE_S needs DOORWARD_INTROSPECTION_CACHE_S above 0")
        return self

    @model_validator(mode="after")
    def _replicas_share_a_store(self) -> Self:
        if self.replica_url is not None and self.resource_store is None:
            raise ValueError(
                "DOORWARD_REPLICA_URL needs DOORWARD_RESOURCE_STORE, in which replicas find each other"
            )
        return self

    @model_validator(mode="after")
    def _issuer_is_another(self) -> Self:
        if resource_key(self.issuer) == resource_key(self.resource):
            raise ValueError("DOORWARD_ISSUER and DOORWARD_RESOURCE are the same URL")
        return self

    @model_validator(mode="after")
    def _upstream_is_another(self) -> Self:
        upstream = self.upstream or STDIO
        if not upstream.startswith(STDIO) and resource_key(upstream) == resource_key(self.resource):
            raise ValueError(
                "DOORWARD_UPSTREAM and DOORWARD_RESOURCE are the same URL; name the MCP server to protect"
            )
        return self

    @model_validator(mode="after")
    def _plain_http_is_allowed_where_it_is_used(self) -> Self:
        urls = (self.issuer, self.resource, self.resource_documentation)
        check_http((url for url in urls if url), self.allow_http_networks)
        return self

    @model_validator(mode="after")
    def _mounts_have_paths_of_their_own(self) -> Self:
        taken = {self.mcp_path} if self.serves_resource or self.join else set()
        for mount in self.mounts:
            if mount.path in taken or mount.path.removeprefix("/") in OWN_PATHS:
                raise ValueError(f"DOORWARD_MOUNTS: the path {mount.path} is already in use")
            taken.add(mount.path)
        return self

    @model_validator(mode="after")
    def _policy_has_a_resource(self) -> Self:
        if self.policy is not None and not self.serves_resource:
            raise ValueError("DOORWARD_POLICY applies to DOORWARD_UPSTREAM; use `policy` in a mount")
        return self

    @property
    def serves_resource(self) -> bool:
        """Whether an MCP server is served at `resource` itself, and not only at mounts beside it."""
        return self.upstream is not None or not self.mounts

    @property
    def serves_notes(self) -> bool:
        """Whether the built-in MCP server is served at `resource`."""
        return self.upstream is None and not self.mounts

    @property
    def has_gateway(self) -> bool:
        """Whether any MCP server here is an upstream."""
        return not self.serves_notes

    def for_mount(self, mount: Mount) -> Self:
        """Return the settings of a mount as those of a separate resource."""
        return self.model_copy(update={"resource": f"{self.base_url}{mount.path}", **self.of_mount(mount)})

    def spelled(self, slash: Literal["", "/"]) -> Self:
        """Return these settings for a resource URL that ends with `slash`.

        Clients compare the announced URL with the one they were given (RFC 9728 §3.3). Both spellings are the
        same resource, for this service and for the authorization server.
        """
        if not self.path:
            return self
        return self.model_copy(update={"resource": f"{self.resource.removesuffix('/')}{slash}"})

    @property
    def resources(self) -> tuple[str, ...]:
        """The URLs of all resources that tokens can be for."""
        return (self.resource, *(self.for_mount(mount).resource for mount in self.mounts))

    @property
    def path(self) -> str:
        """The public path of the MCP endpoint, without a trailing slash; empty at the root of the host."""
        return split_absolute(self.resource).path.removesuffix("/")

    @property
    def base_path(self) -> str:
        """The public path of everything but the metadata; empty for the root."""
        return self.path.rpartition("/")[0]

    @property
    def base_url(self) -> str:
        """The public URL of everything but the metadata, without a trailing slash."""
        parts = split_absolute(self.resource)
        return f"{parts.scheme}://{parts.netloc}{self.base_path}"

    @property
    def mcp_path(self) -> str:
        """The path at which the app serves MCP, without `base_path`."""
        return self.path.removeprefix(self.base_path)

    @property
    def metadata_path(self) -> str:
        """The path of the metadata: the well-known string precedes the resource's path (RFC 9728 §3.1)."""
        return f"{PROTECTED_RESOURCE}{self.path}"

    @property
    def metadata_url(self) -> str:
        """The URL of the metadata, for the challenge (RFC 9728 §5.1)."""
        parts = split_absolute(self.resource)
        slash = "/" if self.path and parts.path.endswith("/") else ""
        return f"{parts.scheme}://{parts.netloc}{self.metadata_path}{slash}"

    @property
    def documentation_url(self) -> str | None:
        """The URL of the page for developers in the metadata; None without such a page."""
        return self.resource_documentation or f"{self.base_url}/docs"

    @property
    def origin(self) -> str:
        """The web origin of this service."""
        return serialize_origin(split_absolute(self.resource))

    @property
    def on_loopback(self) -> bool:
        """Whether the resource is on loopback, and so serves this machine only."""
        return is_loopback(split_absolute(self.resource))

    @property
    def secure(self) -> bool:
        """Whether the public URL is https."""
        return self.resource.startswith("https://")

    @property
    def introspection_url(self) -> str:
        """The URL of the introspection endpoint."""
        return self.introspection_endpoint or f"{self.issuer}{INTROSPECTION_PATH}"

    @property
    def authorization_server_url(self) -> str:
        """The base URL of the authorization server's endpoints, as this service reaches them.

        If `introspection_endpoint` is an internal address, the other endpoints are beside it.
        """
        if self.introspection_url.endswith(INTROSPECTION_PATH):
            return self.introspection_url.removesuffix(INTROSPECTION_PATH)
        return self.issuer
