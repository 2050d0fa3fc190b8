"""base64url without padding (RFC 7515 §2): the only place that encodes and decodes it."""

from __future__ import annotations

import base64


def encode(data: bytes) -> str:
    """Encode `data` as base64url text without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Decode base64url text, with or without padding.

    Raises:
        ValueError: `text` is not ASCII or has an impossible length.
    """
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
