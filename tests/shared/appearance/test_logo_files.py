"""Which files may be the logo."""

from __future__ import annotations

import pytest

from shared.appearance.logo_files import MAX_BYTES, MAX_PIXELS, check_logo
from tests.shared.appearance.images import chunk, png, webp

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


def _number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (png(0x01020304, 0x05060708), "16909060 x 84281096"),
        (
            webp(b"VP8X", bytes(4) + _number(0x012345, 3) + _number(0x06789A, 3) + b"\xff\xff"),
            "74566 x 424091",
        ),
        (
            webp(b"VP8L", b"\x2f" + _number(0x2A5F | 0x1B37 << 14 | 0xF << 28, 4) + b"\xff" * 5),
            "10848 x 6968",
        ),
        (webp(b"VP8 ", _LOSSY[:6] + _number(0xAA5F, 2) + _number(0xDB37, 2) + b"\xff\xff"), "10847 x 6967"),
    ],
)
def test_the_size_is_read_from_the_bits_that_hold_it(data: bytes, size: str) -> None:
    with pytest.raises(ValueError, match=f"the logo has {size} pixels"):
        check_logo(data)


@pytest.mark.parametrize(
    "data",
    [
        png(1, 1),
        webp(b"VP8X", b"\x11" + _EXTENDED[1:]),  # transparency, and a reserved bit
        webp(b"VP8X", _EXTENDED + bytes(2)),
    ],
)
def test_the_smallest_image_and_flags_of_still_ones_are_accepted(data: bytes) -> None:
    assert check_logo(data).data == data


@pytest.mark.parametrize(("width", "height"), [(0, 8), (8, 0)])
def test_an_image_without_pixels_is_refused(width: int, height: int) -> None:
    with pytest.raises(ValueError, match=f"has {width} x {height} pixels"):
        check_logo(png(width, height))


def test_a_webp_image_needs_thirty_bytes_and_its_own_length() -> None:
    whole = webp(b"VP8X", _EXTENDED)
    assert len(whole) == 30
    shorter = whole[:4] + _number(21, 4) + whole[8:29]
    longer = whole[:7] + b"\x01" + whole[8:]
    for data in (shorter, longer):
        with pytest.raises(ValueError, match="damaged WebP"):
            check_logo(data)
