"""Somebody else's key and signatures, by PyJWT: nothing here is checked against itself."""

from __future__ import annotations

import base64
import functools
import hashlib
import itertools
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


_NUMBERS = itertools.count()


class KeyPair:
    """A private key and what its owner signs.

    Args:
        alg: ``ES256``, ``RS256`` or ``PS256``.
        bits: of an RSA key.
    """

    def __init__(self, alg: str = "ES256", *, bits: int = 2_048) -> None:
        self.alg = alg
        self.kid = secrets.token_urlsafe(8)
        self.key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
        if alg == "ES256":
            self.key = ec.generate_private_key(ec.SECP256R1())
            text = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        else:
            self.key = _spare(bits)
            text = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        self.public: dict[str, Any] = {
            n: v for n, v in text.items() if n in ("kty", "crv", "x", "y", "n", "e")
        }

    @property
    def jwks(self) -> dict[str, Any]:
        """The public half, as a JWK Set."""
        return {"keys": [{**self.public, "kid": self.kid, "use": "sig"}]}

    @property
    def thumbprint(self) -> str:
        """The thumbprint of the public key (RFC 7638)."""
        return sha256(json.dumps(self.public, separators=(",", ":"), sort_keys=True))

    def sign(self, claims: Mapping[str, Any], typ: str | None = "JWT", **headers: Any) -> str:
        """A JWT; a header of None is left out."""
        header = {"kid": self.kid, "typ": typ, **headers}
        # PyJWT takes an empty typ for one to leave out.
        members = {name: value for name, value in header.items() if value is not None} | (
            {} if typ else {"typ": ""}
        )
        return jwt.encode(dict(claims), self.key, algorithm=self.alg, headers=members)

    def assertion(
        self, client_id: str, audience: str, *, now: float, typ: str | None = "JWT", **changes: Any
    ) -> str:
        """A client assertion (RFC 7523 §3), good for a minute; a claim of None is left out."""
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "exp": int(now) + 60,
            "iat": int(now),
            "jti": secrets.token_urlsafe(16),
            **changes,
        }
        return self.sign({name: value for name, value in claims.items() if value is not None}, typ)

    def proof(
        self,
        method: str,
        url: str,
        *,
        now: float | None = None,
        nonce: str | None = None,
        access_token: str | None = None,
        typ: str = "dpop+jwt",
        jwk: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A DPoP proof (RFC 9449 §4.2); a claim of None is left out."""
        claims = {
            "htm": method,
            "htu": url,
            "iat": int(time.time() if now is None else now),
            "jti": secrets.token_urlsafe(16),
            "nonce": nonce,
            "ath": sha256(access_token) if access_token else None,
            **changes,
        }
        members = {name: value for name, value in claims.items() if value is not None}
        return self.sign(members, typ, kid=None, jwk=dict(self.public if jwk is None else jwk))


@functools.cache
def _generate(number: int, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=bits)


def _spare(bits: int) -> rsa.RSAPrivateKey:
    """One of a few RSA keys: they take long to make, and no test needs many different ones."""
    return _generate(next(_NUMBERS) % 3, bits)


def sha256(text: str) -> str:
    """The digest of a text, base64url."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
