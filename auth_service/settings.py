"""The settings of the authorization server, read from the environment and validated before startup."""

from __future__ import annotations

import binascii
import ipaddress
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
    with_config,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from auth_service.protocol.admin_access import SCOPE, admin_resource_of
from auth_service.protocol.client_domains import check_pattern
from auth_service.protocol.jwt_bearer import TrustedIssuer, WorkloadRule
from auth_service.protocol.key_rotation import JWKS_MAX_AGE_S, RELOAD_S
from auth_service.protocol.token_exchange import ExchangeRule
from auth_service.provider_settings import ProviderConfiguration
from auth_service.resource_settings import OPENID_SCOPES, Resource, ResourceSettings
from shared import base64url
from shared.appearance.settings import AppearanceSettings
from shared.environment import Issuer, listed
from shared.home_networks import HttpNetworks, check_http
from shared.mounts import check_mount_names
from shared.uris import is_loopback, resource_key, split_absolute

Seconds = Annotated[int, Field(ge=1)]
Domain = Annotated[str, AfterValidator(check_pattern)]


class SecondFactor(BaseModel):
    """Who needs a second factor, and for what; see `SecondFactorPolicy`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: Literal["nobody", "administrators", "everyone"] = "nobody"
    resources: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()


# A misspelled member must not silently widen a permission.
for _rule in (ExchangeRule, WorkloadRule, TrustedIssuer):
    with_config(ConfigDict(extra="forbid"))(_rule)


class StatementIssuer(BaseModel):
    """A trusted issuer of software statements (RFC 7591 §2.3)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(min_length=1)
    jwks: dict[str, Any] | None = None
    jwks_uri: str | None = None


class MasterKey(BaseModel):
    """A 256-bit root secret with a one-byte key id; every other key is derived from it."""

    model_config = ConfigDict(frozen=True)

    key_id: int = Field(ge=0, le=255)
    key: SecretStr


def _master_keys(value: object) -> object:
    if not isinstance(value, str):
        return value
    keys = []
    for item in value.split(","):
        key_id, separator, text = item.strip().partition(":")
        if not separator or not key_id.isascii() or not key_id.isdigit():
            raise ValueError("each master key must have the form ID:KEY, where ID is a number from 0 to 255")
        keys.append({"key_id": int(key_id), "key": text})
    return keys


class KeySettings(BaseSettings):
    """The keys; names prefixed with ``DOORWARD_``.

    Attributes:
        master_keys: ``ID:BASE64URL`` comma-separated; the first signs, all verify.
        key_period_s: for how many seconds a signing key signs.
        key_ahead_s: for how many seconds a signing key is published before it signs; longer than `/jwks` may
            be cached by clients and by the other processes here.
    """

    model_config = SettingsConfigDict(
        env_prefix="DOORWARD_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    master_keys: Annotated[tuple[MasterKey, ...], NoDecode, BeforeValidator(_master_keys)] = Field(
        min_length=1
    )
    key_period_s: Seconds = 30 * 86_400
    key_ahead_s: Annotated[int, Field(gt=JWKS_MAX_AGE_S + RELOAD_S)] = 86_400

    @field_validator("master_keys")
    @classmethod
    def _keys_are_256_bit(cls, keys: tuple[MasterKey, ...]) -> tuple[MasterKey, ...]:
        for key in keys:
            try:
                decoded = base64url.decode(key.key.get_secret_value())
            except (binascii.Error, ValueError) as error:
                raise ValueError(f"master key {key.key_id} is not base64url") from error
            if len(decoded) < 32:
                raise ValueError(f"master key {key.key_id} has fewer than 256 bits")
        if len({key.key_id for key in keys}) != len(keys):
            raise ValueError("two master keys have the same id")
        return keys


def _webhook(url: SecretStr) -> SecretStr:
    """Check the form of a URL that may contain a credential, as those of chat services do."""
    if not url.get_secret_value().startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return url


class AuthSettings(KeySettings, ResourceSettings, AppearanceSettings):
    """Settings from environment variables prefixed with ``DOORWARD_``: see `docs/reference/configuration.md`.

    Attributes:
        issuer: the one issuer string, echoed byte for byte (RFC 8414 §2); no trailing slash.
        store: ``redis://``, ``rediss://``, ``redis+sentinel://``, ``redis+cluster://`` or ``sqlite:///PATH``.
        durability: when a write counts as done; see `Durability`.
        durability_replicas: the number of replicas that must have a write, with ``replicated``.
        revocation_log: where revocations are recorded a second time, for `doorward restore`:
            ``file:///DIRECTORY``, or another store.
        token_exchange: JSON; see `ExchangeRule`.
        registration: who may register: anyone, clients with an initial access token
            (``doorward clients invite``), clients with a software statement of one of `statement_issuers`,
            or nobody.
        redirect_hosts_allow: host globs that web redirect URIs must match; empty for all.
        redirect_hosts_deny: host globs that web redirect URIs must not match.
        trusted_issuers: JSON; see `TrustedIssuer`.
        identity_providers: JSON; see `ProviderConfiguration`.
        second_factor: JSON; see `SecondFactor`.
        open_client_credentials: whether a client may register itself for tokens that no user agreed to;
            otherwise only the operator creates such clients.
        trusted_proxies: networks whose X-Forwarded-For and Forwarded are trusted, only for throttling.
        cimd: how to treat a client whose client_id is the URL of its metadata document, if its domain is on
            neither list: ``allow`` it like a registered one, ``ask`` for consent each time with a warning
            that the domain is unknown here, or ``deny`` it. By default ``ask`` if anyone may register, else
            ``deny``.
        cimd_allow: domains whose clients are allowed: ``example.com``, ``*.example.com`` for all below it.
        cimd_deny: domains whose clients are denied, even if they are on the other list.
        allow_http_networks: private networks whose addresses may use plain http: for the issuer, for
            resources and for redirect URIs.
        fetch_loopback: whether documents and keys of clients may be fetched from this machine, also by http.
            For development; requires an issuer on this machine (CIMD draft §8.6).
        fetch_networks: the operator's own networks from which documents and keys may be fetched.
        alert_webhook: the URL that receives alerts; requires `alert_webhook_secret`, which signs them.
    """

    issuer: Issuer
    store: str = Field(pattern=r"\A(redis|rediss|redis\+sentinel|redis\+cluster|sqlite)://")
    durability: Literal["fsync", "replicated", "relaxed"] = "fsync"
    durability_replicas: int = Field(default=1, ge=1, le=100)
    revocation_log: str | None = Field(
        default=None,
        pattern=r"\A(file:///|redis://|rediss://|redis\+sentinel://|redis\+cluster://|sqlite://)",
    )
    token_exchange: tuple[ExchangeRule, ...] = ()
    trusted_issuers: tuple[TrustedIssuer, ...] = ()
    identity_providers: tuple[ProviderConfiguration, ...] = ()
    second_factor: SecondFactor = SecondFactor()
    require_pkce: Literal["all", "public", "openid"] = "all"
    demo_user: bool = False
    setup_link: Annotated[str, Field(pattern=r"^[0-9a-f]{64}:[0-9]{1,12}$")] | None = None
    access: Literal["open", "closed"] | None = None
    groups_max_age_s: Seconds = 3_600
    open_client_credentials: bool = False
    registration: Literal["open", "token", "statement", "closed"] = "open"
    statement_issuers: tuple[StatementIssuer, ...] = ()
    redirect_hosts_allow: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)] = ()
    redirect_hosts_deny: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)] = ()
    trusted_proxies: Annotated[
        tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...], NoDecode, BeforeValidator(listed)
    ] = ()
    cimd: Literal["allow", "ask", "deny"] | None = None
    cimd_allow: Annotated[tuple[Domain, ...], NoDecode, BeforeValidator(listed)] = ()
    cimd_deny: Annotated[tuple[Domain, ...], NoDecode, BeforeValidator(listed)] = ()
    allow_http_networks: HttpNetworks = ()
    fetch_loopback: bool = False
    fetch_networks: Annotated[
        tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...], NoDecode, BeforeValidator(listed)
    ] = ()

    access_ttl_s: Seconds = 600
    code_ttl_s: Annotated[int, Field(ge=1, le=600)] = 60
    refresh_idle_ttl_s: Seconds = 30 * 86_400
    refresh_absolute_ttl_s: Seconds = 180 * 86_400
    refresh_grace_s: Annotated[int, Field(ge=0, le=600)] = 60
    session_ttl_s: Seconds = 7 * 86_400
    pending_ttl_s: Seconds = 1_800

    alert_webhook: Annotated[SecretStr, AfterValidator(_webhook)] | None = None
    alert_webhook_secret: SecretStr | None = Field(default=None, min_length=32)

    journal_retention_days: int = Field(default=90, ge=1, le=36_500)
    journal_retention_bytes: int = Field(default=4_294_967_296, ge=1_048_576)
    journal_delivery_bytes_per_hour: int = Field(default=1_073_741_824, ge=1_048_576)

    max_clients: int = Field(default=100_000, ge=2)
    unused_clients_percent: int = Field(default=20, ge=1, le=99)
    registrations_per_hour: int = Field(default=3_000, ge=1)
    registrations_per_minute: int = Field(default=60, ge=1)
    authorizations_per_minute: int = Field(default=300, ge=1)
    signed_proofs: int = Field(default=10_000, ge=1)
    login_failures: int = Field(default=20, ge=1, le=29)
    login_window_s: Seconds = 300
    max_body_bytes: int = Field(default=65_536, ge=1_024)

    @model_validator(mode="after")
    def _only_redis_replicates(self) -> Self:
        if self.durability == "replicated" and self.store.startswith("sqlite:"):
            raise ValueError("durability replicated needs Redis with replicas; a SQLite file has none")
        return self

    @model_validator(mode="after")
    def _alerts_are_signed(self) -> Self:
        if (self.alert_webhook is None) != (self.alert_webhook_secret is None):
            raise ValueError("alert_webhook and alert_webhook_secret must be set together")
        return self

    @model_validator(mode="after")
    def _resources_are_distinct(self) -> Self:
        servers = [server.id for server in self.resource_servers]
        resources = [resource_key(resource.resource) for resource in self.resources]
        if len(set(servers)) != len(servers):
            raise ValueError("two resource servers have the same id")
        if len(set(resources)) != len(resources):
            raise ValueError("two resources have the same URL")
        if resource_key(self.issuer) in resources:
            raise ValueError("the issuer and a resource have the same URL")
        if resource_key(admin_resource_of(self.issuer)) in resources:
            raise ValueError("a resource has the URL of the admin API")
        return self

    @model_validator(mode="after")
    def _joined_resources_are_configured(self) -> Self:
        # The access rules of a misspelled URL or name would not apply at the joined resource.
        configured = {resource_key(resource.resource) for resource in self.resources}
        for resource in self.resources:
            others = configured - {resource_key(resource.resource)}
            for mount, url in resource.joins.items():
                if resource_key(url) not in others:
                    raise ValueError(f"joins: {mount} is {url}, which is not another configured resource")
            try:
                check_mount_names(resource.joins)
            except ValueError as error:
                raise ValueError(f"joins: {error}") from None
            if len({resource_key(url) for url in resource.joins.values()}) < len(resource.joins):
                raise ValueError(f"joins: two mounts of {resource.resource} have the same URL")
            mounts = {scope.partition(":")[0] for scope in resource.scopes}
            if resource.joins and (differing := sorted(mounts ^ resource.joins.keys())):
                raise ValueError(f"joins and scopes of {resource.resource} differ in {differing}")
        return self

    @model_validator(mode="after")
    def _second_factors_are_required_for_what_there_is(self) -> Self:
        # A misspelled resource or scope would silently leave it open.
        configured = {resource_key(resource.resource) for resource in self.resources}
        configured.add(resource_key(admin_resource_of(self.issuer)))
        for resource in self.second_factor.resources:
            if resource_key(resource) not in configured:
                raise ValueError(f"second_factor names {resource}, which is not a configured resource")
        scopes = {SCOPE, *OPENID_SCOPES}.union(*(resource.scopes for resource in self.resources))
        if unknown := sorted(self.second_factor.scopes - scopes):
            raise ValueError(f"second_factor names {unknown}, which are not scopes of any resource")
        return self

    @model_validator(mode="after")
    def _plain_http_is_allowed_where_it_is_used(self) -> Self:
        check_http((self.issuer, *(r.resource for r in self.resources)), self.allow_http_networks)
        return self

    @model_validator(mode="after")
    def _loopback_is_fetched_from_on_loopback_only(self) -> Self:
        if self.fetch_loopback and not is_loopback(split_absolute(self.issuer)):
            raise ValueError(
                "fetch_loopback is for development: it requires an issuer on localhost or 127.0.0.1"
            )
        return self

    @model_validator(mode="after")
    def _identity_providers_are_distinct_and_reachable(self) -> Self:
        issuers = [provider.issuer_or_default for provider in self.identity_providers]
        # Identities are unique by issuer and sub: through two clients of one issuer they could collide.
        if len(set(issuers)) != len(issuers):
            raise ValueError("two identity providers have the same issuer")
        if len({provider.id for provider in self.identity_providers}) != len(issuers):
            raise ValueError("two identity providers have the same id")
        if self.issuer in issuers:
            raise ValueError("an identity provider has the issuer of this server")
        if not self.fetch_loopback and any(is_loopback(split_absolute(issuer)) for issuer in issuers):
            raise ValueError(
                "an identity provider on this machine requires fetch_loopback, which is for development"
            )
        return self

    @model_validator(mode="after")
    def _providers_of_connected_accounts_are_usable(self) -> Self:
        for upstream in [each.upstream_oauth for each in self.resources if each.upstream_oauth]:
            upstream.check_secret()
            if not self.fetch_loopback and any(
                is_loopback(split_absolute(url)) for url in upstream.endpoints
            ):
                raise ValueError(
                    "an upstream_oauth on this machine requires fetch_loopback, which is for development"
                )
        return self

    @field_validator("fetch_networks")
    @classmethod
    def _link_local_is_never_fetched_from(
        cls, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    ) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        # The address range where clouds publish the credentials of their machines.
        for network in networks:
            local = ipaddress.ip_network("169.254.0.0/16" if network.version == 4 else "fe80::/10")
            if network.overlaps(local):
                raise ValueError(f"{network} contains link-local addresses")
        return networks

    @property
    def cimd_otherwise(self) -> Literal["allow", "ask", "deny"]:
        """The value of `cimd`, or the default for the registration mode."""
        return self.cimd or ("ask" if self.registration == "open" else "deny")

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Every resource of every resource server."""
        return tuple(resource for server in self.resource_servers for resource in server.resources)

    @property
    def secure(self) -> bool:
        """Whether the public URL is https, so that cookies can be `Secure` and `__Host-`."""
        return self.issuer.startswith("https://")
