"""JSON Web Signatures by python-jose. The caller chooses the algorithms, never the token (RFC 8725 §3.1).

Names and types say `unverified` for everything read from a token before its signature is checked.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NewType

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jose import jwk, jws
from jose.backends.cryptography_backend import CryptographyRSAKey
from jose.exceptions import JOSEError

from shared import base64url
from shared.json_text import parse_json
from shared.public_keys import MAX_CANDIDATES, Jwk, is_usable

Claims = dict[str, Any]
UnverifiedClaims = NewType("UnverifiedClaims", dict[str, Any])

ASYMMETRIC = ("RS256", "PS256", "ES256")
"""The accepted signature algorithms: never HMAC, never none (RFC 8725 §3.2)."""

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_KEY_TYPES = {"RS256": ("RSA", None), "PS256": ("RSA", None), "ES256": ("EC", "P-256")}
_MAX_TOKEN = 32_768
_THUMBPRINT_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}
_ES256 = ECDSA(hashes.SHA256())
_P256_BYTES = 32
_encode = json.JSONEncoder(separators=(",", ":")).encode
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class InvalidJwsError(ValueError):
    """The text is not a JWS, or does not verify with these keys and algorithms."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key.

    Attributes:
        alg: the only algorithm that the key signs with.
        pem: PKCS #8, unencrypted; only in memory.
    """

    kid: str
    alg: str
    pem: str


@dataclass(frozen=True, slots=True)
class UnverifiedJws:
    """A well-formed JWS whose signature has not been checked."""

    text: str
    header: Mapping[str, Any]
    unverified_claims: UnverifiedClaims


def sign(claims: Claims, key: SigningKey, typ: str) -> str:
    """Sign `claims` as a compact JWS with the headers alg, kid and typ (RFC 7515 §7.1)."""
    return sign_payload(_encode(claims).encode(), key, typ)


def sign_payload(payload: bytes, key: SigningKey, typ: str) -> str:
    """Sign claims that are already JSON, as `sign` does."""
    signed = f"{_header(key, typ)}.{base64url.encode(payload)}"
    return f"{signed}.{base64url.encode(_signature(signed.encode('ascii'), key))}"


def _signature(signed: bytes, key: SigningKey) -> bytes:
    private = _private(key)
    if key.alg != "ES256":
        return bytes(private.sign(signed))
    # python-jose's layer takes longer than this signature, and the result is the same (RFC 7518 §3.4).
    r, s = decode_dss_signature(private.prepared_key.sign(signed, _ES256))
    return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")


@lru_cache(maxsize=64)
def _header(key: SigningKey, typ: str) -> str:
    header = {"alg": key.alg, "kid": key.kid, "typ": typ}
    return base64url.encode(json.dumps(header, separators=(",", ":"), sort_keys=True).encode())


def public_jwk(key: SigningKey) -> dict[str, str]:
    """Return the public half as a JWK (RFC 7517 §4)."""
    return dict(_public_jwk(key))


@lru_cache(maxsize=16)
def _public_jwk(key: SigningKey) -> dict[str, str]:
    members = _private(key).public_key().to_dict()
    text = {
        name: value.decode() if isinstance(value, bytes) else str(value) for name, value in members.items()
    }
    return {**text, "kid": key.kid, "use": "sig", "alg": key.alg}


def parse(text: str) -> UnverifiedJws:
    """Parse a compact JWS.

    Raises:
        InvalidJwsError: `text` is not a JWS, or its claims are not a JSON object.
    """
    if len(text) > _MAX_TOKEN or not _COMPACT.match(text):
        raise InvalidJwsError("not a compact JWS")
    header, payload, _ = text.split(".")
    return UnverifiedJws(text, _json_object(header), UnverifiedClaims(_json_object(payload)))


def verify(
    token: UnverifiedJws, keys: Sequence[Jwk], *, algorithms: Sequence[str], types: Sequence[str | None]
) -> Claims:
    """Return the claims of a JWS after verifying it with one of `keys` and one of `algorithms`.

    Args:
        types: acceptable `typ` headers, lower case and without ``application/``; None means an absent
            header (RFC 8725 §3.11).

    Raises:
        InvalidJwsError: no key fits, the signature is wrong, or a header requires an unsupported feature.
    """
    alg = str(token.header.get("alg"))
    for key in candidates(token, keys, algorithms=algorithms, types=types):
        if _signed_by(token.text, key, alg):
            return dict(token.unverified_claims)
    raise InvalidJwsError("no known key verifies the signature")


def candidates(
    token: UnverifiedJws, keys: Sequence[Jwk], *, algorithms: Sequence[str], types: Sequence[str | None]
) -> list[Jwk]:
    """Return those of `keys` that may have signed `token` according to its header; no signature is verified.

    Raises:
        InvalidJwsError: no key fits, too many do, or a header requires an unsupported feature.
    """
    alg = token.header.get("alg")
    if alg not in algorithms or alg not in ASYMMETRIC:
        raise InvalidJwsError("alg is not accepted")
    if "crit" in token.header:
        raise InvalidJwsError("crit names extensions that are not supported")  # RFC 7515 §4.1.11
    if _type_of(token.header) not in types:
        raise InvalidJwsError("typ is not the expected one")
    fitting = [key for key in keys if _fits(key, str(alg), token.header.get("kid"))]
    if not fitting:
        raise InvalidJwsError("no known key matches the header")
    if len(fitting) > MAX_CANDIDATES:
        raise InvalidJwsError(f"more than {MAX_CANDIDATES} keys match: the header must name one with kid")
    return fitting


def thumbprint(key: Jwk) -> str:
    """Return the JWK thumbprint with SHA-256, base64url (RFC 7638 §3).

    Raises:
        InvalidJwsError: `key` is neither an RSA nor an EC key.
    """
    members = _THUMBPRINT_MEMBERS.get(str(key.get("kty")))
    if members is None or not all(isinstance(key.get(name), str) for name in members):
        raise InvalidJwsError("not a public RSA or EC key")
    text = json.dumps({name: key[name] for name in members}, separators=(",", ":"), sort_keys=True)
    return base64url.encode(hashlib.sha256(text.encode()).digest())


def is_private(key: Jwk) -> bool:
    """Check whether a JWK contains private or symmetric key material."""
    return not _PRIVATE_MEMBERS.isdisjoint(key)


def _private(key: SigningKey) -> Any:  # noqa: ANN401 -- python-jose is untyped
    return _parsed(key.pem, key.alg)


@lru_cache(maxsize=32)
def _parsed(pem: str, alg: str) -> Any:  # noqa: ANN401 -- python-jose is untyped
    # Cached: parsing a PEM takes longer than signing.
    return jwk.construct(pem, alg)


def _type_of(header: Mapping[str, Any]) -> str | None:
    typ = header.get("typ")
    return typ.lower().removeprefix("application/") if isinstance(typ, str) else None


def _fits(key: Jwk, alg: str, kid: object) -> bool:
    kty, curve = _KEY_TYPES[alg]
    return (
        key.get("kty") == kty
        and (curve is None or key.get("crv") == curve)
        and key.get("alg", alg) == alg
        and key.get("use", "sig") == "sig"
        and (kid is None or key.get("kid", kid) == kid)
    )


def _signed_by(text: str, key: Jwk, alg: str) -> bool:
    if not is_usable(key):
        return False
    try:
        jws.verify(text, jwk.construct(dict(key), alg).public_key(), [alg])
    except (JOSEError, KeyError, TypeError, ValueError, AttributeError):
        return False
    return True


def _json_object(segment: str) -> dict[str, Any]:
    try:
        value = parse_json(base64url.decode(segment))
    except (binascii.Error, ValueError) as error:
        raise InvalidJwsError("not base64url of JSON") from error
    if not isinstance(value, dict):
        raise InvalidJwsError("not a JSON object")
    return value


class PssKey(CryptographyRSAKey):  # type: ignore[misc]
    """PS256, which python-jose lacks: PSS with SHA-256 and a salt of the same length (RFC 7518 §3.5)."""

    def __init__(self, key: Any, algorithm: str) -> None:  # noqa: ANN401 -- any key that python-jose accepts
        super().__init__(key, "RS256")
        self._algorithm = algorithm

    def sign(self, msg: bytes) -> bytes:
        return bytes(self.prepared_key.sign(msg, _padding(), hashes.SHA256()))

    def verify(self, msg: bytes, sig: bytes) -> bool:
        try:
            self.public_key().prepared_key.verify(sig, msg, _padding(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


def _padding() -> padding.PSS:
    return padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)


jwk.register_key("PS256", PssKey)
