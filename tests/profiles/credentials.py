"""How a client becomes one that the authorization server knows, and how it proves that it is that one."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import httpx2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwk, jws

from tests.profiles.checks import Evidence
from tests.profiles.profile import PORT, Profile, Registration, Way

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_PEM = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Signer:
    """The RSA key of a client that proves itself by a signature."""

    def __init__(self) -> None:
        self._pem = rsa.generate_private_key(65_537, 2_048).private_bytes(*_PEM).decode()

    @property
    def jwks(self) -> dict[str, Any]:
        """The public half, as a JWK Set."""
        public = jwk.construct(self._pem, "RS256").public_key().to_dict()
        return {"keys": [{**public, "kid": "cimd-20260428", "use": "sig"}]}

    def assertion(self, client_id: str, issuer: str) -> str:
        """A client assertion as seen on the wire: the audience is the issuer."""
        now = int(time.time())
        claims = {"iss": client_id, "sub": client_id, "aud": issuer, "iat": now, "exp": now + 300}
        claims["jti"] = secrets.token_urlsafe(16)
        headers = {"kid": "cimd-20260428"}
        return str(jws.sign(json.dumps(claims).encode(), self._pem, headers=headers, algorithm="RS256"))


def introduce(
    profile: Profile, way: Way, http: httpx2.Client, evidence: Evidence, port: int
) -> dict[str, Any]:
    """Become known; what the client keeps about itself.

    Args:
        port: the one that the client listens on.

    Raises:
        AssertionError: it is not let.
    """
    if way == "document":
        assert profile.document
        method = profile.document.metadata["token_endpoint_auth_method"]
        return {"client_id": profile.document.client_id, "token_endpoint_auth_method": method}
    assert profile.registration
    body = {**profile.registration.body}
    body["redirect_uris"] = [uri.replace(PORT, str(port)) for uri in body["redirect_uris"]]
    answer = http.post(evidence.server_metadata["registration_endpoint"], json=body)
    assert answer.status_code == 201, answer.text
    evidence.sent_registration, evidence.registration = body, answer.json()
    return evidence.registration


def proof(
    information: dict[str, Any], registration: Registration | None, signer: Signer, issuer: str
) -> tuple[dict[str, str], dict[str, str]]:
    """The client authentication of a token request: headers, and members of the body."""
    client_id = information["client_id"]
    if information["token_endpoint_auth_method"] == "private_key_jwt":
        assertion = signer.assertion(client_id, issuer)
        members = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        return {}, {"client_id": client_id, **members}
    secret = information.get("client_secret")
    if secret is None or registration is None:
        return {}, {"client_id": client_id}
    if registration.secret_by == "post":
        return {}, {"client_id": client_id, "client_secret": secret}
    encode = ENCODINGS[registration.secret_by]
    basic = base64.b64encode(f"{encode(client_id)}:{encode(secret)}".encode()).decode()
    beside = {"client_id": client_id} if registration.client_id_beside_basic else {}
    return {"Authorization": f"Basic {basic}"}, beside


def _every_sign(text: str) -> str:
    return "".join(c if c.isalnum() else f"%{ord(c):02X}" for c in text)


ENCODINGS: dict[str, Callable[[str], str]] = {"raw": str, "form": quote_plus, "every sign": _every_sign}
