"""DPoP proofs, checked by both services (RFC 9449 §4.3).

The caller checks the nonce, and whether a proof was used before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from shared import base64url, jwt_claims
from shared.jose import InvalidJwsError, UnverifiedJws, candidates, is_private, parse, thumbprint
from shared.jwt_claims import ClaimError
from shared.public_keys import Jwk, is_usable
from shared.signatures import Signatures

ALGORITHMS = ("ES256", "RS256", "PS256")
TYPE = "dpop+jwt"
WINDOW_S = 60
"""How far `iat` may be from the server's clock."""

REMEMBER_S = 2 * WINDOW_S + 1
"""How long a proof could be used again: from one end of the window to the other."""


class InvalidProofError(ValueError):
    """The proof is not valid for this request. The message says why and is public."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedProof:
    """A proof whose claims match its request, but whose signature has not been verified.

    Attributes:
        key: the public key in the proof.
        jkt: thumbprint of that key (RFC 7638).
        jti: unique among the proofs of each key; to be remembered for `REMEMBER_S`.
        nonce: the `nonce` claim, of any type.
    """

    token: UnverifiedJws
    key: Jwk
    jkt: str
    jti: str
    nonce: object


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that is valid for its request, unless it was used before.

    Attributes:
        jkt: thumbprint of the key whose possession is proved (RFC 7638).
        jti: unique among the proofs of each key; to be remembered for `REMEMBER_S`.
    """

    jkt: str
    jti: str


def parse_proof(
    headers: Sequence[str], method: str, urls: Collection[str], now: float, *, access_token: str | None = None
) -> UnverifiedProof:
    """Check everything about the proof of a request except its signature, which takes longest.

    Args:
        headers: every ``DPoP`` header of the request.
        urls: the public URL of the endpoint, in each of its spellings.
        access_token: the token that the proof must be bound to, if one was sent.

    Raises:
        InvalidProofError: the request has no proof or several, or the proof is for something else.
    """
    if len(headers) != 1:
        raise InvalidProofError("more than one DPoP header" if headers else "there is no DPoP header")
    try:
        token = parse(headers[0])
        key = _shown_key(token.header.get("jwk"))
        candidates(token, [key], algorithms=ALGORITHMS, types=(TYPE,))
        jkt = thumbprint(key)
    except InvalidJwsError as error:
        raise _not_verified(error) from error
    jti = check_proof(token.unverified_claims, method, urls, now)
    if access_token is not None:
        check_access_token(token.unverified_claims, access_token)
    return UnverifiedProof(token=token, key=key, jkt=jkt, jti=jti, nonce=token.unverified_claims.get("nonce"))


async def verify_proof(proof: UnverifiedProof, signatures: Signatures, source: str) -> Proof:
    """Verify the signature of a proof with the key in it.

    Args:
        source: see `Signatures.verify`.

    Raises:
        InvalidProofError: the signature is wrong.
        QueueFullError: too many signatures are waiting to be verified.
    """
    try:
        await signatures.verify_signature(
            proof.token, [proof.key], algorithms=ALGORITHMS, types=(TYPE,), source=source
        )
    except InvalidJwsError as error:
        raise _not_verified(error) from error
    return Proof(proof.jkt, proof.jti)


def _not_verified(error: InvalidJwsError) -> InvalidProofError:
    return InvalidProofError(f"the DPoP proof cannot be verified: {error}")


def check_proof(claims: Mapping[str, Any], method: str, urls: Collection[str], now: float) -> str:
    """Check the claims of a proof against its request; return its `jti`.

    Args:
        urls: the public URL of the endpoint, in each of its spellings.

    Raises:
        InvalidProofError: the proof is for another request or another time.
    """
    try:
        if jwt_claims.text(claims, "htm") != method:
            raise ClaimError("htm does not match the method")
        if _comparable(jwt_claims.text(claims, "htu")) not in map(_comparable, urls):
            raise ClaimError("htu does not match the URL")
        if abs(now - jwt_claims.number(claims, "iat")) > WINDOW_S:
            raise ClaimError("iat is too far from now")
        return jwt_claims.text(claims, "jti")
    except ClaimError as error:
        raise InvalidProofError(f"the DPoP proof is not for this request: {error}") from error


def check_access_token(claims: Mapping[str, Any], access_token: str) -> None:
    """Check that the proof is for this access token (RFC 9449 §4.2, `ath`).

    Raises:
        InvalidProofError: the proof is for another token.
    """
    digest = hashlib.sha256(access_token.encode()).digest()
    if claims.get("ath") != base64url.encode(digest):
        raise InvalidProofError("ath is not the hash of the access token")


def _comparable(url: str) -> tuple[str, str, str]:
    # RFC 9449 §4.3: without query and fragment, after the normalization of RFC 3986 §6.2.2 and §6.2.3.
    try:
        parts = urlsplit(url)
        number = parts.port
    except ValueError as error:  # its message quotes the sender, and would go into a header
        raise ClaimError("htu is not a URL") from error
    default_port = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if number in (None, default_port) else f":{number}"
    return parts.scheme, f"{parts.hostname}{port}", parts.path or "/"


def _shown_key(key: object) -> Jwk:
    if not isinstance(key, dict) or is_private(key):
        raise InvalidJwsError("jwk is not a public key")
    if not is_usable(key):
        raise InvalidJwsError("the key in jwk is too weak or too large")
    return {name: value for name, value in key.items() if name not in ("kid", "alg", "use")}
