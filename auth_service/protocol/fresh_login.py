"""Proof that somebody has just authenticated at an identity provider (OpenID Connect Core §2, §3.1.2.1)."""

from __future__ import annotations

from enum import StrEnum

from auth_service.protocol.federated_identity import FederationError
from auth_service.protocol.identity_providers import IdentityProvider
from shared.jwt_claims import SKEW_S


class Freshness(StrEnum):
    """The proof that a login through a provider must give."""

    ANY = "any"
    """A session at the provider of any age is sufficient."""
    IF_KNOWN = "if known"
    """An authentication that is known to be old is refused."""
    REQUIRED = "required"
    """The provider must say that it has just authenticated the person."""


class NotFreshError(FederationError):
    """The provider does not confirm that it has just authenticated the person."""


def fresh_parameters(provider: IdentityProvider, freshness: Freshness) -> dict[str, str]:
    """Return the request parameters that make a provider authenticate the person or ask for consent."""
    consent = "consent" if provider.needs_consent else ""
    if freshness is Freshness.ANY or not provider.preset.sends_auth_time:
        return {"prompt": consent} if consent else {}
    # With max_age, auth_time is REQUIRED in the ID token (§2); a provider may silently ignore prompt alone.
    return {"prompt": f"login {consent}".rstrip(), "max_age": "0"}


def check_freshness(auth_time: int | None, freshness: Freshness, *, since: float) -> None:
    """Check the `auth_time` of an ID token.

    Args:
        since: when the person was sent to the provider, in seconds since 1970.

    Raises:
        NotFreshError: the authentication is older, or its time is missing although required.
    """
    if freshness is Freshness.ANY:
        return
    if auth_time is None and freshness is Freshness.REQUIRED:
        raise NotFreshError("the provider did not report when it authenticated the person")
    if auth_time is not None and auth_time < since - SKEW_S:
        raise NotFreshError("the provider authenticated the person before this login began")
