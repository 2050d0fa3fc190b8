"""An authenticator in software: creates passkeys and signs with them like a browser (WebAuthn)."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from shared import base64url

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


@dataclass
class SoftPasskey:
    """One credential.

    Attributes:
        verifies: whether the authenticator verifies the person.
        count: the signature counter, which grows by one with each use; None for one that is always 0.
    """

    origin: str
    rp_id: str = "localhost"
    verifies: bool = True
    count: int | None = None
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    user_handle: str | None = None

    def create(self, options: dict[str, Any]) -> str:
        """The response to `navigator.credentials.create`."""
        self.user_handle = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + public
        data = self._data(_ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", options["challenge"])
        return self._credential(clientDataJSON=client_data, attestationObject=attestation)

    def get(self, options: dict[str, Any], **client_data: Any) -> str:
        """The response to `navigator.credentials.get`."""
        if self.count is not None:
            self.count += 1
        data, signed = self._data(), self._client_data("webauthn.get", options["challenge"], **client_data)
        signature = self.key.sign(data + hashlib.sha256(signed).digest(), ec.ECDSA(SHA256()))
        return self._credential(
            clientDataJSON=signed, authenticatorData=data, signature=signature, userHandle=self.user_handle
        )

    def _data(self, more: int = 0) -> bytes:
        flags = _PRESENT | more | (_VERIFIED if self.verifies else 0)
        rp = hashlib.sha256(self.rp_id.encode()).digest()
        return rp + bytes([flags]) + (self.count or 0).to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str, **more: Any) -> bytes:
        members = {"type": kind, "challenge": challenge, "origin": self.origin, **more}
        return json.dumps(members).encode()

    def _credential(self, **response: bytes | str | None) -> str:
        credential_id = base64url.encode(self.credential_id)
        encoded = {
            name: base64url.encode(value) if isinstance(value, bytes) else value
            for name, value in response.items()
        }
        return json.dumps(
            {"id": credential_id, "rawId": credential_id, "type": "public-key", "response": encoded}
        )
