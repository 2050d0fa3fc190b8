"""RSA keys of any size, as JWKs."""

from __future__ import annotations

import base64
import secrets
from typing import Any


def number(value: int) -> str:
    raw = value.to_bytes((value.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def rsa_key(n_bits: int = 2_048, e: int = 65_537) -> dict[str, Any]:
    return {"kty": "RSA", "n": number(secrets.randbits(n_bits) | (1 << (n_bits - 1)) | 1), "e": number(e)}


WIDE = (1 << 3_070) + 1
