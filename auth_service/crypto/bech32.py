"""Bech32 (BIP 173), the encoding of age keys: 5-bit characters and a checksum that detects typing errors."""

from __future__ import annotations

from collections.abc import Iterable

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_LENGTH = 6


def encode(prefix: str, data: bytes) -> str:
    """Encode `data` after a prefix in lower case."""
    digits = _regrouped(data, 8, 5)
    if len(data) * 8 % 5:
        digits.append((int.from_bytes(data) << (5 - len(data) * 8 % 5)) & 31)
    remainder = _checksum([*_expanded(prefix), *digits, *[0] * _CHECKSUM_LENGTH]) ^ 1
    check = [(remainder >> 5 * (5 - position)) & 31 for position in range(_CHECKSUM_LENGTH)]
    return prefix + "1" + "".join(_ALPHABET[digit] for digit in (*digits, *check))


def decode(text: str) -> tuple[str, bytes]:
    """Return the prefix, in lower case, and the data.

    Raises:
        ValueError: it is not Bech32, or the checksum is wrong.
    """
    if text not in (text.lower(), text.upper()):
        raise ValueError("upper and lower case are mixed")
    prefix, _, encoded = text.lower().rpartition("1")
    if not prefix or not prefix.isascii() or len(encoded) < _CHECKSUM_LENGTH:
        raise ValueError("it is not Bech32")
    digits = [_ALPHABET.find(character) for character in encoded]
    if -1 in digits or _checksum([*_expanded(prefix), *digits]) != 1:
        raise ValueError("a character is wrong")
    return prefix, bytes(_regrouped(digits[:-_CHECKSUM_LENGTH], 5, 8))


def _expanded(prefix: str) -> list[int]:
    codes = prefix.encode("ascii")
    return [*(code >> 5 for code in codes), 0, *(code & 31 for code in codes)]


def _checksum(digits: Iterable[int]) -> int:
    remainder = 1
    for digit in digits:
        top = remainder >> 25
        remainder = (remainder & 0x1FFFFFF) << 5 ^ digit
        for bit, coefficient in enumerate(_GENERATOR):
            remainder ^= coefficient if top >> bit & 1 else 0
    return remainder


def _regrouped(groups: Iterable[int], width: int, into: int) -> list[int]:
    """Regroup the bits; bits that do not fill a group are left out."""
    bits, count, out = 0, 0, list[int]()
    for group in groups:
        bits, count = bits << width | group, count + width
        while count >= into:
            count -= into
            out.append(bits >> count & (1 << into) - 1)
    return out
