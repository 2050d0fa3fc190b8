"""Which files may be the logo."""

from __future__ import annotations

import pytest

from auth_service.protocol.logo_files import MAX_BYTES, MAX_PIXELS, check_logo
from tests.auth_service.images import chunk, png, webp

pytestmark = pytest.mark.requirement("ID-11")

_EXTENDED = bytes(4) + b"\x07\x00\x00" + b"\x07\x00\x00"
_LOSSY = b"\x10\x00\x00\x9d\x01\x2a\x08\x00\x08\x00"
_LOSSLESS = b"\x2f\x07\xc0\x01\x00" + bytes(5)
PNG = png()


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PNG, "image/png"),
        (png(MAX_PIXELS, MAX_PIXELS), "image/png"),
        (webp(b"VP8X", _EXTENDED), "image/webp"),
        (webp(b"VP8 ", _LOSSY), "image/webp"),
        (webp(b"VP8L", _LOSSLESS), "image/webp"),
    ],
)
def test_a_png_or_webp_image_is_recognized_by_its_content(data: bytes, media_type: str) -> None:
    logo = check_logo(data)
    assert (logo.data, logo.media_type) == (data, media_type)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a" + bytes(30),
        b"\xff\xd8\xff\xe0" + bytes(30),
        b" " + PNG,
        b"RIFF" + bytes(4) + b"WAVE" + bytes(30),
    ],
)
def test_any_other_type_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="must be a PNG or WebP image"):
        check_logo(data)


@pytest.mark.parametrize(
    "data",
    [
        PNG[:8],
        PNG[:-1],
        PNG[:-12],
        PNG[:-1] + b"\x00",
        PNG + b"<script>alert(1)</script>",
        PNG + chunk(b"tEXt", b"after the end"),
        PNG + chunk(b"IEND", b""),
        PNG.replace(b"IDAT", b"IDAX"),
        PNG[:8] + chunk(b"IEND", b""),
        PNG[:8] + chunk(b"IHDR", b"") + chunk(b"IDAT", b"") + chunk(b"IEND", b""),
        PNG[:8] + b"\xff\xff\xff\xff" + PNG[12:],
        webp(b"VP8X", _EXTENDED) + b"<script>",
        webp(b"VP8X", _EXTENDED)[:-1],
        webp(b"VP8?", _EXTENDED),
        webp(b"VP8L", bytes(10)),
        webp(b"VP8 ", bytes(10)),
        b"RIFF\x04\x00\x00\x00WEBP",
    ],
)
def test_a_damaged_image_or_one_with_something_appended_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="is a damaged"):
        check_logo(data)


@pytest.mark.parametrize("data", [png(more=chunk(b"acTL", bytes(8))), webp(b"VP8X", b"\x02" + _EXTENDED[1:])])
def test_an_animated_image_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="must not be animated"):
        check_logo(data)


@pytest.mark.parametrize(
    "data",
    [
        png(MAX_PIXELS + 1, 8),
        png(8, MAX_PIXELS + 1),
        png(0, 8),
        png(2**31, 2**31),
        webp(b"VP8X", _EXTENDED[:4] + b"\x00\x04\x00\x07\x00\x00"),
    ],
)
def test_an_image_with_too_many_pixels_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="at most 1024 x 1024"):
        check_logo(data)


def test_a_file_is_accepted_up_to_the_limit_only() -> None:
    padding = MAX_BYTES - len(PNG) - 12
    assert check_logo(png(more=chunk(b"tEXt", bytes(padding))))
    with pytest.raises(ValueError, match="larger than 64 KiB"):
        check_logo(png(more=chunk(b"tEXt", bytes(padding + 1))))
