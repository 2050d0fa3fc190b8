"""Settings of identity providers, read from the environment and validated before startup."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from auth_service.protocol.identity_providers import PRESETS, AllowList, IdentityProvider, Preset
from shared.uris import check_public_url

PresetName = Literal[
    "openid",
    "google",
    "entra",
    "okta",
    "keycloak",
    "auth0",
    "github",
    "gitlab",
    "authentik",
    "doorward",
    "pocket-id",
]


def _resolved(value: object) -> object:
    """Resolve a secret given as ``env:NAME`` or ``file:/path``; any other value is the secret itself."""
    if not isinstance(value, str):
        return value
    kind, _, rest = value.partition(":")
    if kind == "env":
        if rest not in os.environ:
            raise ValueError(f"the variable {rest} is not set")
        return os.environ[rest]
    if kind == "file":
        try:
            return Path(rest).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"the file {rest} cannot be read") from error
    return value


def _lower(value: str) -> str:
    return value.lower()


Secret = Annotated[SecretStr, BeforeValidator(_resolved), Field(min_length=1, max_length=1_000)]
ProviderDomain = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"), AfterValidator(_lower)]


class Allow(BaseModel):
    """Who may log in through a provider; see `AllowList`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    everyone: bool = False
    domains: frozenset[ProviderDomain] = frozenset()
    groups: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        named = bool(self.domains or self.groups or self.subjects)
        if named == self.everyone:
            raise ValueError('it must have domains, groups or subjects, or be {"everyone": true}')
        return self


class ProviderConfiguration(BaseModel):
    """One identity provider. `docs/how-to/identity-providers/` has a page for each preset.

    Attributes:
        client_secret: the secret itself, or ``env:NAME`` or ``file:/path``.
        scopes: by default those of the preset.
        groups_claim: by default that of the preset.
        reads_groups: whether access rules name groups of the provider.
        link: what connects a person to an existing account.
        contact: whom a person should contact after a refusal.
        logout: whether a logout here logs people out at the provider, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    preset: PresetName = "openid"
    issuer: str | None = None
    client_id: str = Field(min_length=1, max_length=500)
    client_secret: Secret | None = None
    scopes: tuple[str, ...] | None = None
    groups_claim: str | None = None
    allow: Allow
    link: Literal["never", "verified_email"] = "never"
    reads_groups: bool = False
    logout: bool = False
    label: str | None = Field(default=None, min_length=1, max_length=40)
    contact: str | None = Field(default=None, min_length=1, max_length=200)

    @property
    def kind(self) -> Preset:
        """The preset of the provider."""
        return PRESETS[self.preset]

    @property
    def issuer_or_default(self) -> str:
        """The configured issuer, or that of the preset."""
        return self.issuer or self.kind.issuer or ""

    @property
    def groups_claim_or_default(self) -> str | None:
        """The configured groups claim, or that of the preset."""
        return self.groups_claim or self.kind.groups_claim

    @model_validator(mode="after")
    def _issuer_is_one_of_its_kind(self) -> Self:
        issuer = self.issuer_or_default
        if not issuer:
            raise ValueError(f"issuer is missing: {self.kind.issuer_advice}")
        check_public_url(issuer)
        if not self.kind.accepts_issuer(issuer):
            raise ValueError(f"the issuer of {self.preset} is {self.kind.issuer_advice}")
        return self

    @model_validator(mode="after")
    def _promises_only_what_the_provider_can_prove(self) -> Self:
        if not self.kind.proves_email and (self.link != "never" or self.allow.domains):
            raise ValueError(
                f"{self.preset} does not verify e-mail addresses: allow groups, subjects or everyone"
            )
        if self.allow.groups and self.groups_claim_or_default is None:
            raise ValueError(f"{self.preset} has no standard claim with groups: set groups_claim")
        if self.kind.protocol == "openid" and "openid" not in (self.scopes or self.kind.scopes):
            raise ValueError("scopes must contain openid")
        if self.kind.protocol == "github" and self.client_secret is None:
            raise ValueError("github requires a client_secret")
        if self.kind.protocol == "github" and self.logout:
            raise ValueError("github has no logout for applications: remove logout")
        return self

    def provider(self) -> IdentityProvider:
        """Return the provider as the rules use it."""
        needed = self.kind.groups_scopes if self.allow.groups or self.reads_groups else ()
        offline = self.kind.offline_scopes if self.reads_groups else ()
        prefix = self.kind.group_prefix
        return IdentityProvider(
            provider_id=self.id,
            preset=self.kind,
            issuer=self.issuer_or_default,
            client_id=self.client_id,
            client_secret=self.client_secret.get_secret_value() if self.client_secret else None,
            label=self.label or self.kind.label,
            scopes=self.scopes or (*self.kind.scopes, *needed, *offline),
            groups_claim=self.groups_claim_or_default,
            allow=AllowList(
                everyone=self.allow.everyone,
                domains=self.allow.domains,
                groups=frozenset(group.removeprefix(prefix) for group in self.allow.groups),
                subjects=self.allow.subjects,
            ),
            links_email=self.link == "verified_email",
            contact=self.contact,
            reads_groups=self.reads_groups,
            logs_out=self.logout,
        )
