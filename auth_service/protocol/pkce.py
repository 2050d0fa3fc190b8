"""Proof Key for Code Exchange (RFC 7636), S256 only (OAuth 2.1 §4.1.1)."""

from __future__ import annotations

import hashlib
import hmac
import re
from enum import Enum

from auth_service.protocol.errors import InvalidGrantError, InvalidRequestError
from auth_service.protocol.reasons import Reason
from shared import base64url

# RFC 7636 §4.1: code-verifier = 43*128unreserved
CODE_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")
# RFC 7636 §4.2, for S256: the base64url of 32 octets is always 43 characters
CODE_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")


class PkcePolicy(Enum):
    """Which clients must use PKCE; public clients always must (OAuth 2.1 §7.5.1)."""

    ALL = "all"
    PUBLIC = "public"
    """Not required of a confidential client that uses a nonce instead (RFC 9700 §2.1.1)."""
    OPENID = "openid"
    """Not required of a confidential client that requests an ID token, as in OpenID Connect Core."""

    def requires(self, *, confidential: bool, openid: bool, nonce: bool) -> bool:
        """Check whether a request must have a code challenge."""
        if self is PkcePolicy.ALL or not confidential or not openid:
            return True
        return self is PkcePolicy.PUBLIC and not nonce


def check_challenge(challenge: str | None, method: str | None, *, required: bool) -> str | None:
    """Check the code challenge of an authorization request, and return it.

    Raises:
        InvalidRequestError: it is missing although required, malformed, or not S256 (RFC 7636 §4.4.1).
    """
    if challenge is None:
        if method is not None:
            raise InvalidRequestError(
                Reason.CODE_CHALLENGE_MISSING, "code_challenge_method requires code_challenge"
            )
        if required:
            raise InvalidRequestError(
                Reason.CODE_CHALLENGE_MISSING, "code_challenge is missing: PKCE with S256 is required"
            )
        return None
    # RFC 7636 §4.3: an absent method means "plain", which OAuth 2.1 does not allow.
    if method != "S256":
        raise InvalidRequestError(Reason.CODE_CHALLENGE_INVALID, "code_challenge_method must be S256")
    if not CODE_CHALLENGE.match(challenge):
        raise InvalidRequestError(
            Reason.CODE_CHALLENGE_INVALID, "code_challenge is not the base64url of a SHA-256 digest"
        )
    return challenge


def s256(verifier: str) -> str:
    """Return BASE64URL(SHA256(ASCII(code_verifier))) (RFC 7636 §4.2)."""
    return base64url.encode(hashlib.sha256(verifier.encode()).digest())


def check_verifier(challenge: str | None, verifier: str | None) -> None:
    """Check a verifier against the challenge that the code was issued for.

    Raises:
        InvalidGrantError: they do not match, or only one of them is present: a verifier without a
            challenge is the downgrade of RFC 9700 §2.1.1.
    """
    if challenge is None and verifier is None:
        return
    if challenge is None or verifier is None:
        raise InvalidGrantError(
            Reason.CODE_VERIFIER_MISSING if challenge else Reason.CODE_VERIFIER_UNEXPECTED,
            "code_verifier is missing"
            if challenge
            else "code_verifier must be omitted: the authorization request had no code_challenge",
        )
    if not CODE_VERIFIER.match(verifier) or not hmac.compare_digest(s256(verifier), challenge):
        raise InvalidGrantError(Reason.CODE_VERIFIER_WRONG, "code_verifier does not match the code_challenge")
