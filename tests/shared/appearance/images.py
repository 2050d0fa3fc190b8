"""Small images for tests."""

from __future__ import annotations

import zlib


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    checked = kind + content
    return len(content).to_bytes(4, "big") + checked + zlib.crc32(checked).to_bytes(4, "big")


def png(width: int = 8, height: int = 8, *, more: bytes = b"") -> bytes:
    """A red PNG image; `more` are chunks before the pixels."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
    rows = (b"\x00" + b"\xb3\x26\x1e" * 8) * 8
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + more
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def webp(kind: bytes, content: bytes) -> bytes:
    """A WebP file with one chunk, which ends after its header."""
    body = b"WEBP" + kind + len(content).to_bytes(4, "little") + content
    return b"RIFF" + len(body).to_bytes(4, "little") + body
