"""A client's key, and what it signs with it (RFC 7523)."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jws

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_PEM = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Signer:
    """Holds an ES256 key."""

    def __init__(self) -> None:
        self.kid = secrets.token_urlsafe(8)
        self._pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(*_PEM).decode()

    @property
    def jwks(self) -> dict[str, Any]:
        """The public half, as a JWK Set."""
        public = jwk.construct(self._pem, "ES256").public_key().to_dict()
        return {"keys": [{**public, "kid": self.kid, "use": "sig"}]}

    def assertion(self, client_id: str, audience: str, *, now: float | None = None) -> str:
        """A client assertion, good for a minute from `now` (seconds since 1970)."""
        now = time.time() if now is None else now
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "exp": int(now) + 60,
            "iat": int(now),
            "jti": secrets.token_urlsafe(16),
        }
        return str(
            jws.sign(json.dumps(claims).encode(), self._pem, headers={"kid": self.kid}, algorithm="ES256")
        )
