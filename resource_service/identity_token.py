"""Short-lived tokens that tell the server behind the gateway who a request acts for, signed by this service.

The one place of this service that signs. What it makes is no access token: it is for the upstream alone,
opens nothing at the resource, and is over within a minute.
"""

from __future__ import annotations

import secrets

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
from shared.jose import SigningKey, public_jwk, sign, thumbprint
from shared.scopes import format_scope

LIFETIME_S = 60
ALGORITHM = "ES256"


def read_private_key(pem: str) -> ec.EllipticCurvePrivateKey:
    """Read a private key for `ALGORITHM`: PEM, unencrypted, on the curve P-256.

    Args:
        pem: its line ends may be written ``\\n``, as files of environment variables have them.

    Raises:
        ValueError: it is something else. The message does not hold it.
    """
    try:
        key = load_pem_private_key(pem.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("not an unencrypted private key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("not a key on the curve P-256")
    return key


class IdentityTokens:
    """Makes the tokens, and publishes what they are verified with.

    Args:
        private_key: made on the spot where left out. Processes that share a public URL need the same one.
        clock: when a token is made.
    """

    def __init__(self, private_key: ec.EllipticCurvePrivateKey | None, clock: Clock) -> None:
        self._key = _signing_key(private_key or ec.generate_private_key(ec.SECP256R1()))
        self._clock = clock
        self.public_key = public_jwk(self._key)

    def issue(self, principal: Principal, *, issuer: str, audience: str) -> str:
        """A JWT (RFC 7519) that says who `principal` is. The user is left out where a client acts for itself.

        Args:
            issuer: the URL of the resource that the request came to.
            audience: the upstream, as it is configured.
        """
        now = int(self._clock())
        claims = {
            "iss": issuer,
            "aud": audience,
            "sub": principal.subject,
            "preferred_username": principal.user,  # OpenID Connect Core §5.1
            "client_id": principal.client_id,
            "scope": format_scope(principal.scopes),
            "iat": now,
            "exp": min(now + LIFETIME_S, principal.expires_at),
            "jti": secrets.token_urlsafe(16),
        }
        stated = {name: value for name, value in claims.items() if value is not None}
        return sign(stated, self._key, typ="JWT")


def _signing_key(private_key: ec.EllipticCurvePrivateKey) -> SigningKey:
    """The key under its thumbprint: it is named by what it is, so that it need not be named anywhere else."""
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    kid = thumbprint(public_jwk(SigningKey("", ALGORITHM, pem)))
    return SigningKey(kid, ALGORITHM, pem)
