"""Identity providers as data: what is configured about one, and the quirks of well-known ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

GITHUB = "https://github.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What is special about one kind of identity provider.

    Attributes:
        label: the provider's name on the login page.
        protocol: ``github`` is OAuth 2.0 without OpenID Connect.
        issuer: where it is always, or usually; None where each installation has its own.
        issuer_pattern: what the issuer must look like.
        issuer_advice: how to find it.
        groups_claim: the claim that holds the groups; None where there is none, or none by default.
        groups_scopes: scopes that are only asked for where groups are needed.
        group_prefix: what group names begin with there, and not here.
        proves_email: whether ``email_verified`` shows that the person owns the address.
        domain_claim: the claim that names the organization's domain; without it only `public_domain` counts.
        public_domain: the domain of the provider's own addresses for everybody.
        subject_claims: claims beside ``sub`` by which an administrator of the provider knows people.
        parameters: of the authorization request, beside the usual ones.
    """

    label: str
    protocol: Literal["openid", "github"] = "openid"
    issuer: str | None = None
    issuer_pattern: str = r"https?://.+"
    issuer_advice: str = "the `issuer` member of its /.well-known/openid-configuration"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    groups_claim: str | None = "groups"
    groups_scopes: tuple[str, ...] = ()
    group_prefix: str = ""
    proves_email: bool = True
    domain_claim: str | None = None
    public_domain: str | None = None
    subject_claims: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)

    def accepts_issuer(self, issuer: str) -> bool:
        """Whether `issuer` can be one of this kind."""
        return re.fullmatch(self.issuer_pattern, issuer) is not None


# Many are logged in with several accounts there, and would be refused with the wrong one again and again.
_CHOOSE = {"prompt": "select_account"}

_GUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"

PRESETS: Mapping[str, Preset] = {
    "openid": Preset(label="your organization"),
    # https://developers.google.com/identity/openid-connect/openid-connect: no groups; Google vouches for an
    # address that ends in @gmail.com, or whose organization `hd` names, and for no other.
    "google": Preset(
        label="Google",
        issuer="https://accounts.google.com",
        issuer_pattern=r"https://accounts\.google\.com",
        groups_claim=None,
        domain_claim="hd",
        public_domain="gmail.com",
        parameters=_CHOOSE,
    ),
    # https://learn.microsoft.com/entra/identity-platform/claims-validation: `email` can be set to any address
    # by the administrator of any tenant, and issuers that many tenants share would let all of them in.
    "entra": Preset(
        label="Microsoft",
        issuer_pattern=rf"https://login\.microsoftonline\.com/{_GUID}/v2\.0",
        issuer_advice="https://login.microsoftonline.com/TENANT/v2.0 with the id of your tenant, in lower "
        "case; not `common`, `organizations` or a domain name",
        proves_email=False,
        subject_claims=("oid",),
        parameters=_CHOOSE,
    ),
    "okta": Preset(label="Okta", groups_scopes=("groups",)),
    "keycloak": Preset(
        label="Keycloak",
        issuer_pattern=r"https?://.+/realms/[^/]+",
        issuer_advice="https://HOST/realms/REALM",
        group_prefix="/",
    ),
    # Group claims have names of the tenant's choice there, which are URLs.
    "auth0": Preset(
        label="Auth0",
        issuer_pattern=r"https://.+/",
        issuer_advice="https://TENANT.auth0.com/ with the slash at its end",
        groups_claim=None,
    ),
    "github": Preset(
        label="GitHub",
        protocol="github",
        issuer=GITHUB,
        issuer_advice="https://github.com, or the address of your GitHub Enterprise Server",
        scopes=("read:user", "user:email"),
        groups_scopes=("read:org",),
    ),
    "gitlab": Preset(label="GitLab", issuer="https://gitlab.com"),
    "authentik": Preset(
        label="authentik",
        issuer_pattern=r"https?://.+/application/o/[^/]+/",
        issuer_advice="https://HOST/application/o/APPLICATION/ with the slash at its end",
    ),
    "pocket-id": Preset(label="Pocket ID", groups_scopes=("groups",)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowList:
    """Who may log in through a provider: everybody whom one of the lists names.

    Attributes:
        everyone: whether all do whom the provider lets in.
        domains: of proven e-mail addresses, in lower case.
        groups: by the name that the provider gives them; for GitHub ``org`` or ``org/team``.
        subjects: ``sub``, or another id of the preset's `subject_claims`.
    """

    everyone: bool = False
    domains: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """A provider that people may log in through.

    Attributes:
        provider_id: names it in URLs.
        links_email: whether a proven e-mail address connects a person to the account that has it.
        contact: whom a refused person can ask; None for the operator of this server.
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

    @property
    def needs_groups(self) -> bool:
        """Whether groups decide who may log in."""
        return bool(self.allow.groups)
