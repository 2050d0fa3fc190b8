"""Random secrets that are shown once and stored as a digest (DESIGN D5)."""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new_secret(prefix: str = "") -> str:
    """Return 256 random bits as base64url text after `prefix`."""
    return prefix + secrets.token_urlsafe(32)


def new_id(prefix: str = "") -> str:
    """Return 128 random bits as base64url text after `prefix`; an identifier, not a secret.

    It never begins with a hyphen: commands take ids as arguments and would read it as an option.
    """
    drawn = secrets.token_urlsafe(16)
    while drawn.startswith("-"):
        drawn = secrets.token_urlsafe(16)
    return prefix + drawn


def digest(secret: str) -> str:
    """Return the digest to store. SHA-256 suffices: 256 random bits cannot be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(secret: str, kept: str | None) -> bool:
    """Check in constant time whether the stored digest `kept` is that of `secret`."""
    return kept is not None and hmac.compare_digest(digest(secret), kept)
