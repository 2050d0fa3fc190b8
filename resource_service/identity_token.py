"""Short-lived tokens that tell the server behind the gateway who a request acts for, signed by this service.

The one place of this service that signs. What it makes is no access token: it is for the upstream alone,
opens nothing at the resource, and is over within a minute.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jose import jwk, jws

from resource_service.principal import Principal
from shared.clock import Clock
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
        self._key = jwk.construct(private_key or ec.generate_private_key(ec.SECP256R1()), ALGORITHM)
        self._clock = clock
        self.public_key = _public_jwk(self._key)
        self._header = {"kid": self.public_key["kid"]}

    def mint(self, principal: Principal, *, issuer: str, audience: str) -> str:
        """A JWT (RFC 7519) that says who `principal` is. ``sub`` is left out where a client acts for itself.

        Args:
            issuer: the URL of the resource that the request came to.
            audience: the upstream, as it is configured.
        """
        now = int(self._clock())
        claims = {
            "iss": issuer,
            "aud": audience,
            "sub": principal.subject,
            "client_id": principal.client_id,
            "scope": format_scope(principal.scopes),
            "iat": now,
            "exp": min(now + LIFETIME_S, principal.expires_at),
            "jti": secrets.token_urlsafe(16),
        }
        stated = {name: value for name, value in claims.items() if value is not None}
        token: str = jws.sign(stated, self._key, headers=self._header, algorithm=ALGORITHM)
        return token


def _public_jwk(key: Any) -> dict[str, str]:  # noqa: ANN401 -- python-jose is untyped
    members = {name: str(value) for name, value in key.public_key().to_dict().items()}
    return {**members, "use": "sig", "alg": ALGORITHM, "kid": _thumbprint(members)}


def _thumbprint(members: dict[str, str]) -> str:
    """RFC 7638 §3: names the key by what it is, so that it need not be named anywhere else."""
    required = {name: members[name] for name in ("crv", "kty", "x", "y")}
    digest = hashlib.sha256(json.dumps(required, separators=(",", ":"), sort_keys=True).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
