"""base64url without padding (RFC 7515 §2): the only place that encodes and decodes it."""

from __future__ import annotations

import base64
from binascii import b2a_base64

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def encode(data: bytes) -> str:
    """Encode `data` as base64url text without padding."""
    return b2a_base64(data, newline=False).translate(_URL_SAFE, b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Decode base64url text, with or without padding.

    Raises:
        ValueError: `text` is not ASCII or has an impossible length.
    """
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
