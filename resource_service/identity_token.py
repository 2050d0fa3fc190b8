"""Short-lived signed tokens that tell the server behind the gateway who a request acts for.

Nothing else in this service signs. An identity token is not an access token: it is for the upstream only,
grants no access to the resource, and expires within a minute.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from resource_service.principal import Principal
from shared.clock import Clock
from shared.jose import SigningKey, public_jwk, sign_payload, thumbprint
from shared.scopes import format_scope

LIFETIME_S = 60
ALGORITHM = "ES256"


def read_private_key(pem: str) -> ec.EllipticCurvePrivateKey:
    """Read a private key for `ALGORITHM`: PEM, unencrypted, on the curve P-256.

    Args:
        pem: its line breaks may be written ``\\n``, as in environment files.

    Raises:
        ValueError: it is not such a key. The message does not contain the key.
    """
    try:
        key = load_pem_private_key(pem.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("not an unencrypted private key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("not a key on the curve P-256")
    return key


def new_private_key() -> str:
    """Generate a private key, in PEM, as `read_private_key` reads it."""
    return _pem(ec.generate_private_key(ec.SECP256R1()))


class IdentityTokens:
    """Issues identity tokens, and publishes the key that verifies them.

    Args:
        private_key: generated if None. Processes that share a public URL need the same key.
        clock: gives the time of issue.
    """

    def __init__(self, private_key: ec.EllipticCurvePrivateKey | None, clock: Clock) -> None:
        self._key = _signing_key(private_key or ec.generate_private_key(ec.SECP256R1()))
        self._clock = clock
        self.public_key = public_jwk(self._key)

    def issue(self, claims: IdentityClaims) -> str:
        """Issue a JWT (RFC 7519) with `claims`, for a single request."""
        now = int(self._clock())
        expires_at = min(now + LIFETIME_S, claims.expires_at)
        payload = f'{claims.begin},"iat":{now},"exp":{expires_at},"jti":"{secrets.token_urlsafe(16)}"}}'
        return sign_payload(payload.encode("ascii"), self._key, typ="JWT")


@dataclass(frozen=True, slots=True)
class IdentityClaims:
    """The claims about a principal, which are the same for all of its requests.

    Attributes:
        begin: a JSON object in ASCII, without the brace at its end.
        expires_at: the expiry of the access token, in seconds since 1970.
    """

    begin: str
    expires_at: int

    @classmethod
    def of(cls, principal: Principal, *, issuer: str, audience: str) -> Self:
        """Return the claims about `principal`; a client acting for itself has no user claims.

        Args:
            issuer: the URL of the resource that received the request.
            audience: the upstream, as configured.
        """
        claims = {
            "iss": issuer,
            "aud": audience,
            "sub": principal.subject,
            "preferred_username": principal.user,  # OpenID Connect Core §5.1
            "client_id": principal.client_id,
            "scope": format_scope(principal.scopes),
        }
        stated = {name: value for name, value in claims.items() if value is not None}
        return cls(json.dumps(stated, separators=(",", ":")).removesuffix("}"), principal.expires_at)


def _signing_key(private_key: ec.EllipticCurvePrivateKey) -> SigningKey:
    """Return the key with its thumbprint as `kid`, so that no other name has to be configured."""
    pem = _pem(private_key)
    kid = thumbprint(public_jwk(SigningKey("", ALGORITHM, pem)))
    return SigningKey(kid, ALGORITHM, pem)


def _pem(private_key: ec.EllipticCurvePrivateKey) -> str:
    return private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
