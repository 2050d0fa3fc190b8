"""Checks of the claims of every JWT from other parties (RFC 7519 §4.1, RFC 7523 §3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

SKEW_S = 30
"""How far another's clock may be off."""


class ClaimError(ValueError):
    """A claim is missing or invalid."""


def text(claims: Mapping[str, Any], name: str) -> str:
    """Return a required string claim.

    Raises:
        ClaimError: the claim is missing or not a string.
    """
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise ClaimError(f"{name} is missing")
    return value


def number(claims: Mapping[str, Any], name: str) -> float:
    """Return a required NumericDate claim.

    Raises:
        ClaimError: the claim is missing or not a number.
    """
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise ClaimError(f"{name} is missing or is not a time")
    return value


def check_lifetime(claims: Mapping[str, Any], now: float, *, longest_s: int) -> int:
    """Check `exp`, `nbf` and `iat` against the clock; return `exp` as whole seconds since 1970.

    Args:
        longest_s: how far `exp` may lie in the future; used tokens must be remembered until then.

    Raises:
        ClaimError: expired, not yet valid, or valid for too long.
    """
    expires_at = number(claims, "exp")
    if now >= expires_at + SKEW_S:
        raise ClaimError("it has expired")
    if expires_at > now + longest_s + SKEW_S:
        raise ClaimError("it is valid for too long")
    if "nbf" in claims and number(claims, "nbf") > now + SKEW_S:
        raise ClaimError("it is not valid yet")
    if "iat" in claims and number(claims, "iat") > now + SKEW_S:
        raise ClaimError("it was issued in the future")
    return int(expires_at)


def check_times_given(claims: Mapping[str, Any], now: float) -> None:
    """Check `exp` and `nbf` against the clock, if present, for JWTs that may be valid for years or forever.

    Raises:
        ClaimError: expired, or not yet valid.
    """
    if "exp" in claims and now >= number(claims, "exp") + SKEW_S:
        raise ClaimError("it has expired")
    if "nbf" in claims and number(claims, "nbf") > now + SKEW_S:
        raise ClaimError("it is not valid yet")


def check_audience(claims: Mapping[str, Any], accepted: Collection[str]) -> None:
    """Check that one of `accepted` is an audience.

    Raises:
        ClaimError: none of them is.
    """
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or not any(a in accepted for a in audiences if isinstance(a, str)):
        raise ClaimError("aud does not name this server")
