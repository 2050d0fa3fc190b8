"""Demonstrating proof of possession: what a proof must say (RFC 9449 §4.3)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from auth_service.protocol import jwt_claims
from auth_service.protocol.errors import InvalidDpopProofError
from auth_service.protocol.jwt_claims import ClaimError

ALGORITHMS = ("ES256", "RS256", "PS256")
TYPE = "dpop+jwt"
WINDOW_S = 60
"""How far `iat` may be from the server's clock."""


def check_proof(claims: Mapping[str, Any], method: str, url: str, now: float) -> str:
    """Hold a verified proof to the request it comes with; returns its `jti`.

    Args:
        url: the public URL of the endpoint.

    Raises:
        InvalidDpopProofError: it is for another request or another time.
    """
    try:
        if jwt_claims.text(claims, "htm") != method:
            raise ClaimError("htm is another method")
        if _comparable(jwt_claims.text(claims, "htu")) != _comparable(url):
            raise ClaimError("htu is another URL")
        if abs(now - jwt_claims.number(claims, "iat")) > WINDOW_S:
            raise ClaimError("iat is too far from now")
        return jwt_claims.text(claims, "jti")
    except ValueError as error:
        raise InvalidDpopProofError(f"the DPoP proof is not for this request: {error}") from error


def check_access_token(claims: Mapping[str, Any], access_token: str) -> None:
    """The proof must be for this very access token (RFC 9449 §4.2, `ath`).

    Raises:
        InvalidDpopProofError: it is not.
    """
    digest = hashlib.sha256(access_token.encode()).digest()
    if claims.get("ath") != base64.urlsafe_b64encode(digest).rstrip(b"=").decode():
        raise InvalidDpopProofError("ath is not the hash of the access token")


def _comparable(url: str) -> tuple[str, str, str]:
    # RFC 9449 §4.3: without query and fragment, after the normalization of RFC 3986 §6.2.2 and §6.2.3.
    parts = urlsplit(url)
    default_port = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in (None, default_port) else f":{parts.port}"
    return parts.scheme, f"{parts.hostname}{port}", parts.path or "/"
