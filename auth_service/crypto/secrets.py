"""Random secrets that are shown once and kept as a digest (DESIGN D5)."""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new_secret(prefix: str = "") -> str:
    """256 random bits as base64url text behind `prefix`."""
    return prefix + secrets.token_urlsafe(32)


def new_id(prefix: str = "") -> str:
    """128 random bits as base64url text behind `prefix`; names something, authenticates nothing.

    It never begins with a hyphen: commands take ids as arguments, and would read an option.
    """
    drawn = secrets.token_urlsafe(16)
    while drawn.startswith("-"):
        drawn = secrets.token_urlsafe(16)
    return prefix + drawn


def digest(secret: str) -> str:
    """What is kept of a secret. SHA-256 suffices: there is nothing to guess in 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(secret: str, kept: str | None) -> bool:
    """Whether `secret` is the one that `kept` is the digest of, in constant time."""
    return kept is not None and hmac.compare_digest(digest(secret), kept)
