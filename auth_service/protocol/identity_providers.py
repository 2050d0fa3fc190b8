"""Identity providers as data: their configuration, and the peculiarities of well-known ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

GITHUB = "https://github.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """The properties of one kind of identity provider.

    Attributes:
        label: the provider's name on the login page.
        protocol: ``github`` is OAuth 2.0 without OpenID Connect.
        issuer: the fixed or usual issuer; None if each installation has its own.
        issuer_pattern: a pattern that the issuer must match.
        issuer_advice: how to find the issuer.
        groups_claim: the claim with the groups; None if the provider has no such claim by default.
        groups_scopes: scopes that are requested only if groups are needed.
        offline_scopes: scopes requested for a refresh token, by which the groups are requested again.
        offline_needs_consent: whether it ignores `offline_access` without ``prompt=consent``, as OpenID
            Connect Core §11 demands; well-known providers do not.
        group_prefix: the prefix of group names at the provider that is removed here.
        proves_email: whether ``email_verified`` shows that the person owns the address.
        domain_claim: the claim that names the organization's domain; without it only `public_domain` counts.
        public_domain: the domain of the provider's own public e-mail addresses.
        subject_claims: claims besides ``sub`` by which an administrator of the provider identifies people.
        sends_auth_time: whether it authenticates people again if asked to, and says when it did.
        parameters: additional parameters of the authorization request.
    """

    label: str
    protocol: Literal["openid", "github"] = "openid"
    issuer: str | None = None
    issuer_pattern: str = r"https?://.+"
    issuer_advice: str = "the `issuer` member of its /.well-known/openid-configuration"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    groups_claim: str | None = "groups"
    groups_scopes: tuple[str, ...] = ()
    offline_scopes: tuple[str, ...] = ()
    offline_needs_consent: bool = False
    group_prefix: str = ""
    proves_email: bool = True
    domain_claim: str | None = None
    public_domain: str | None = None
    subject_claims: tuple[str, ...] = ()
    sends_auth_time: bool = True
    parameters: Mapping[str, str] = field(default_factory=dict)

    def accepts_issuer(self, issuer: str) -> bool:
        """Check whether `issuer` is possible for this kind."""
        return re.fullmatch(self.issuer_pattern, issuer) is not None


# Many people are logged in there with several accounts, and would be refused repeatedly with the wrong one.
_CHOOSE = {"prompt": "select_account"}

_OFFLINE = ("offline_access",)

_GUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"

PRESETS: Mapping[str, Preset] = {
    "openid": Preset(label="your organization", offline_needs_consent=True),
    # https://developers.google.com/identity/openid-connect/openid-connect: no groups; Google vouches only for
    # addresses that end in @gmail.com or whose organization `hd` names.
    "google": Preset(
        label="Google",
        issuer="https://accounts.google.com",
        issuer_pattern=r"https://accounts\.google\.com",
        groups_claim=None,
        domain_claim="hd",
        sends_auth_time=False,
        public_domain="gmail.com",
        parameters=_CHOOSE,
    ),
    # https://learn.microsoft.com/entra/identity-platform/claims-validation: the administrator of any tenant
    # can set `email` to any address, and issuers shared by many tenants would admit all of them.
    "entra": Preset(
        label="Microsoft",
        issuer_pattern=rf"https://login\.microsoftonline\.com/{_GUID}/v2\.0",
        issuer_advice="https://login.microsoftonline.com/TENANT/v2.0 with the id of your tenant, in lower "
        "case; not `common`, `organizations` or a domain name",
        proves_email=False,
        offline_scopes=_OFFLINE,
        subject_claims=("oid",),
        parameters=_CHOOSE,
    ),
    "okta": Preset(label="Okta", groups_scopes=("groups",), offline_scopes=_OFFLINE),
    "keycloak": Preset(
        label="Keycloak",
        issuer_pattern=r"https?://.+/realms/[^/]+",
        issuer_advice="https://HOST/realms/REALM",
        group_prefix="/",
    ),
    # Each tenant names its own group claims there, as URLs.
    "auth0": Preset(
        label="Auth0",
        issuer_pattern=r"https://.+/",
        issuer_advice="https://TENANT.auth0.com/ with the slash at its end",
        offline_scopes=_OFFLINE,
        groups_claim=None,
    ),
    "github": Preset(
        label="GitHub",
        protocol="github",
        issuer=GITHUB,
        issuer_advice="https://github.com, or the address of your GitHub Enterprise Server",
        # Name and number of the account are public.
        scopes=("user:email",),
        groups_scopes=("read:org",),
        sends_auth_time=False,
    ),
    "gitlab": Preset(label="GitLab", issuer="https://gitlab.com"),
    "authentik": Preset(
        label="authentik",
        issuer_pattern=r"https?://.+/application/o/[^/]+/",
        issuer_advice="https://HOST/application/o/APPLICATION/ with the slash at its end",
        offline_scopes=_OFFLINE,
    ),
    # No e-mail addresses. It issues a refresh token for `offline_access` without asking at each login.
    "doorward": Preset(
        label="Doorward",
        scopes=("openid", "profile"),
        groups_scopes=("groups",),
        offline_scopes=_OFFLINE,
        proves_email=False,
    ),
    "pocket-id": Preset(label="Pocket ID", groups_scopes=("groups",)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowList:
    """Who may log in through a provider: everyone matched by one of the lists.

    Attributes:
        everyone: whether everyone whom the provider authenticates may log in.
        domains: domains of verified e-mail addresses, in lower case.
        groups: groups, as the provider names them; for GitHub ``org`` or ``org/team``.
        subjects: ``sub``, or another id in the preset's `subject_claims`.
    """

    everyone: bool = False
    domains: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """A provider that people may log in through.

    Attributes:
        provider_id: the provider's id in URLs.
        links_email: whether a verified e-mail address links a person to the account that has it.
        contact: whom a refused person can ask; None for the operator of this server.
        reads_groups: whether access rules name groups of the provider.
        logs_out: whether a logout here logs people out there, too.
    """

    provider_id: str
    preset: Preset
    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    label: str
    scopes: tuple[str, ...]
    groups_claim: str | None = None
    allow: AllowList
    links_email: bool = False
    contact: str | None = None
    reads_groups: bool = False
    logs_out: bool = False

    @property
    def needs_groups(self) -> bool:
        """Whether groups determine who may log in, or what they may use."""
        return bool(self.allow.groups) or self.reads_groups

    @property
    def needs_consent(self) -> bool:
        """Whether people must consent at each login, so that the provider issues a refresh token."""
        return self.preset.offline_needs_consent and "offline_access" in self.scopes
