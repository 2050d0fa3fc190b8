"""Proof that somebody has just authenticated at an identity provider (OpenID Connect Core §2, §3.1.2.1)."""

from __future__ import annotations

from enum import StrEnum

from auth_service.protocol.federated_identity import FederationError
from auth_service.protocol.identity_providers import IdentityProvider
from shared.jwt_claims import SKEW_S


class Freshness(StrEnum):
    """What a login through a provider must prove."""

    ANY = "any"
    """A session at the provider will do, however old."""
    IF_KNOWN = "if known"
    """An authentication that is known to be old will not do."""
    REQUIRED = "required"
    """The provider must say that it has just authenticated the person."""


class NotFreshError(FederationError):
    """The provider does not say that it has just authenticated the person."""


def fresh_parameters(provider: IdentityProvider, freshness: Freshness) -> dict[str, str]:
    """Return the parameters by which a provider is asked to authenticate the person again."""
    if freshness is Freshness.ANY or not provider.preset.sends_auth_time:
        return {}
    # With max_age, auth_time is REQUIRED in the ID token (§2); prompt alone may be ignored without a trace.
    return {"prompt": "login", "max_age": "0"}


def check_freshness(auth_time: int | None, freshness: Freshness, *, since: float) -> None:
    """Check the `auth_time` of an ID token.

    Args:
        since: when the person was sent to the provider, in seconds since 1970.

    Raises:
        NotFreshError: the authentication is older, or its time is unknown though it must be known.
    """
    if freshness is Freshness.ANY:
        return
    if auth_time is None and freshness is Freshness.REQUIRED:
        raise NotFreshError("the provider does not say when it authenticated the person")
    if auth_time is not None and auth_time < since - SKEW_S:
        raise NotFreshError("the provider authenticated the person before it was asked to")
