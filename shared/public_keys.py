"""Limits on public keys from other parties, and the cost of verifying with them.

The sender of a key chooses the cost: n times as many bits in the exponent take n times as long. So keys are
measured before they are used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared import base64url

Jwk = Mapping[str, Any]

MAX_CANDIDATES = 4
"""Keys of a set that are tried for one signature. A larger set needs a `kid` in the header."""

MAX_EXPONENT_BITS = 64
MODULUS_BITS = range(2_048, 8_192 + 1)
"""Shorter ones are weak, longer ones take long."""

# With larger keys, verifying takes longer than the switch to a worker thread.
_FAST_MODULUS_BITS = 4_096
_FAST_EXPONENT_BITS = 17

# RFC 7518 §2, Base64urlUInt; some senders add padding.
_NUMBER = re.compile(r"[A-Za-z0-9_-]{1,2800}={0,2}\Z")
_COORDINATE_CHARACTERS = 44


def is_too_large(key: Jwk) -> bool:
    """Check whether an RSA key is too large to be used. Other key types have fixed sizes."""
    if key.get("kty") != "RSA":
        return False
    modulus, exponent = _bits(key.get("n")), _bits(key.get("e"))
    return modulus >= MODULUS_BITS.stop or exponent > MAX_EXPONENT_BITS


def is_usable(key: Jwk) -> bool:
    """Check whether `key` may verify signatures: well-formed, and neither too weak nor too large."""
    if key.get("kty") != "RSA":
        return all(_is_number(key.get(name), _COORDINATE_CHARACTERS) for name in ("x", "y"))
    if not _is_number(key.get("n")) or not _is_number(key.get("e")):
        return False
    return _bits(key["n"]) in MODULUS_BITS and 2 <= _bits(key["e"]) <= MAX_EXPONENT_BITS


def is_slow(key: Jwk) -> bool:
    """Check whether verifying with a usable `key` belongs on a worker thread."""
    return key.get("kty") == "RSA" and (
        _bits(key.get("n")) > _FAST_MODULUS_BITS or _bits(key.get("e")) > _FAST_EXPONENT_BITS
    )


def _is_number(value: object, most_characters: int = 2_802) -> bool:
    return isinstance(value, str) and len(value) <= most_characters and bool(_NUMBER.match(value))


def _bits(value: object) -> int:
    """Return the bit length of a number; more than any limit if the text is too long to parse."""
    if not isinstance(value, str):
        return 0
    if not _is_number(value):
        return len(value) * 6
    try:
        return int.from_bytes(base64url.decode(value.rstrip("="))).bit_length()
    except ValueError:
        return 0
