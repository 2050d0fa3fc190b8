"""When a second factor is required, and the names of logins with one (RFC 9470, RFC 8176)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from auth_service.protocol.claims_request import ACR_FEDERATED, ACR_MFA, ACR_PASSWORD
from auth_service.protocol.grant import Grant
from shared.uris import resource_key

# RFC 8176 §2: the values of `amr`.
PASSWORD, CODE, KEY, PRESENCE, SEVERAL = "pwd", "otp", "pop", "user", "mfa"

BY_PASSWORD = (PASSWORD,)
BY_CODE = (CODE, SEVERAL)
BY_PASSKEY = (KEY, PRESENCE, SEVERAL)
"""The methods that a second factor adds to those of the first.

A passkey with user verification suffices alone: the person has it, and unlocks it by something that
they know or are.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorPolicy:
    """Who needs a second factor, and for which requests.

    Attributes:
        people: the people who need one at each login.
        resources: the resources for which a client gets tokens only after one; `scopes` likewise.
    """

    people: Literal["nobody", "administrators", "everyone"] = "nobody"
    resources: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()

    def is_required_of(self, *, admin: bool) -> bool:
        """Whether each login of a person needs a second factor."""
        return self.people == "everyone" or (self.people == "administrators" and admin)

    def is_required_for(self, resource: str | None, scopes: Collection[str]) -> bool:
        """Whether a request for these scopes of a resource needs one, for every person."""
        if not self.scopes.isdisjoint(scopes):
            return True
        return resource is not None and resource_key(resource) in {resource_key(r) for r in self.resources}

    def with_joined(
        self, resource: str, mount: str, mount_url: str, own_scopes: Iterable[str]
    ) -> SecondFactorPolicy:
        """Return the policy that also applies where `resource` joins a mount.

        Args:
            mount_url: the own resource of the mount.
            own_scopes: its scopes.
        """
        resources = {resource} if self.is_required_for(mount_url, ()) else set()
        scopes = {f"{mount}:{scope}" for scope in self.scopes & {*own_scopes}}
        return replace(self, resources=self.resources | resources, scopes=self.scopes | scopes)


def acr_of(amr: Collection[str], *, federated: bool) -> str:
    """Return the authentication context of a login by its methods."""
    if SEVERAL in amr:
        return ACR_MFA
    return ACR_FEDERATED if federated else ACR_PASSWORD


def acr_of_grant(grant: Grant) -> str | None:
    """Return the authentication context of the login in which a grant was given; None if nobody logged in."""
    return (grant.acr or ACR_PASSWORD) if grant.auth_time else None


def acr_to_issue(acr: str, acceptable: Collection[str]) -> str:
    """Return the context to state in tokens: one that was requested as essential (OIDC Core §5.5.1.1)."""
    weaker = acr == ACR_MFA and acr not in acceptable and ACR_PASSWORD in acceptable
    return ACR_PASSWORD if weaker else acr


def with_methods(amr: Collection[str], added: Collection[str]) -> tuple[str, ...]:
    """Return the methods of a login after a further step."""
    return tuple(dict.fromkeys((*amr, *added)))


def satisfies(acr: str, acceptable: Collection[str]) -> bool:
    """Whether a login satisfies one of the acceptable contexts; `mfa` satisfies `password` as well."""
    return acr in acceptable or (acr == ACR_MFA and ACR_PASSWORD in acceptable)


def preferred_acr(acr_values: str | None) -> tuple[str, ...]:
    """Return the known contexts in `acr_values`, in order (OIDC Core §3.1.2.1, RFC 9470 §4)."""
    values = (acr_values or "").split()
    return tuple(dict.fromkeys(value for value in values if value in (ACR_MFA, ACR_PASSWORD)))
