"""Logout tokens of identity providers (OpenID Connect Back-Channel Logout 1.0 §2.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auth_service.protocol.federated_identity import MAX_SUBJECT, InvalidProviderResponseError
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.logout import EVENT
from shared import jwt_claims
from shared.jwt_claims import SKEW_S, ClaimError

OLDEST_S = 600
"""The maximum age of a logout token, in seconds. Its `jti` is remembered for twice that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLogoutEvent:
    """The sessions that ended at the provider.

    Attributes:
        subject: the user; None if only `session_id` is given.
        session_id: the provider's `sid` of the session; None if all sessions of the subject have ended.
    """

    subject: str | None
    session_id: str | None
    jti: str


def check_logout_token(
    claims: Mapping[str, Any], provider: IdentityProvider, now: float
) -> ProviderLogoutEvent:
    """Check the claims of a logout token by §2.6; its signature is checked elsewhere.

    Raises:
        InvalidProviderResponseError: the token is not a logout token for this server.
    """
    try:
        if jwt_claims.text(claims, "iss") != provider.issuer:
            raise ClaimError("iss is not the expected issuer")
        jwt_claims.check_audience(claims, (provider.client_id,))
        # Providers that follow the specification before its errata send no exp.
        jwt_claims.check_times_given(claims, now)
        if not now - OLDEST_S <= jwt_claims.number(claims, "iat") <= now + SKEW_S:
            raise ClaimError("iat is too old, or in the future")
        events = claims.get("events")
        if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
            raise ClaimError("events does not contain a logout event")
        # §2.4: an ID token must never be accepted as a logout token.
        if "nonce" in claims:
            raise ClaimError("it must not contain a nonce")
        event = ProviderLogoutEvent(
            subject=_optional(claims, "sub"),
            session_id=_optional(claims, "sid"),
            jti=jwt_claims.text(claims, "jti"),
        )
        if event.subject is None and event.session_id is None:
            raise ClaimError("it has neither sub nor sid")
        return event
    except ClaimError as error:
        raise InvalidProviderResponseError(f"the logout token is not valid: {error}") from error


def _optional(claims: Mapping[str, Any], name: str) -> str | None:
    if name not in claims:
        return None
    text = jwt_claims.text(claims, name)
    if len(text) > MAX_SUBJECT:
        raise ClaimError(f"{name} is too long")
    return text
