"""Which image files may be the logo: still PNG and WebP images, recognized by their content.

SVG is not accepted: it can contain scripts and references to other hosts.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MAX_BYTES = 65_536
MAX_PIXELS = 1_024
"""The maximum width and height: a small file can expand to a very large image."""

_PNG = b"\x89PNG\r\n\x1a\n"
_ANIMATED_WEBP = 0x02


@dataclass(frozen=True, slots=True)
class Logo:
    """A checked image."""

    data: bytes
    suffix: Literal["png", "webp"]

    @property
    def media_type(self) -> str:
        """The media type of the image."""
        return f"image/{self.suffix}"


def check_logo(data: bytes) -> Logo:
    """Return the logo with the content `data`.

    Raises:
        ValueError: `data` is too large, or not an image that is accepted.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"the logo is larger than {MAX_BYTES // 1024} KiB")
    if data.startswith(_PNG):
        width, height = _png_size(data)
        logo = Logo(data, "png")
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        width, height = _webp_size(data)
        logo = Logo(data, "webp")
    else:
        raise ValueError("the logo must be a PNG or WebP image")
    if not (0 < width <= MAX_PIXELS and 0 < height <= MAX_PIXELS):
        raise ValueError(f"the logo has {width} x {height} pixels; at most {MAX_PIXELS} x {MAX_PIXELS}")
    return logo


def _png_size(data: bytes) -> tuple[int, int]:
    chunks = list(_png_chunks(data))
    kinds = [kind for kind, _ in chunks]
    if b"acTL" in kinds:
        raise ValueError("the logo must not be animated")
    whole = kinds[:1] == [b"IHDR"] and b"IDAT" in kinds and kinds.index(b"IEND") == len(kinds) - 1
    header = chunks[0][1]
    if not whole or len(header) != 13:
        raise ValueError("the logo is a damaged PNG image")
    return int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Return each chunk's type and content (PNG §5.3); the last one ends the file."""
    position, kind = len(_PNG), b""
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        checked = data[position + 4 : position + 8 + length]
        kind = checked[:4]
        position += 12 + length
        if position > len(data) or data[position - 4 : position] != zlib.crc32(checked).to_bytes(4, "big"):
            raise ValueError("the logo is a damaged PNG image")
        yield kind, checked[4:]
    if kind != b"IEND":
        raise ValueError("the logo is a damaged PNG image")


def _webp_size(data: bytes) -> tuple[int, int]:
    """Return the width and height (RFC 9649 §2.4 to §2.7)."""
    if len(data) < 30 or int.from_bytes(data[4:8], "little") + 8 != len(data):
        raise ValueError("the logo is a damaged WebP image")
    kind = data[12:16]
    if kind == b"VP8X":
        if data[20] & _ANIMATED_WEBP:
            raise ValueError("the logo must not be animated")
        return _little(data[24:27]) + 1, _little(data[27:30]) + 1
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = _little(data[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        return _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF
    raise ValueError("the logo is a damaged WebP image")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
