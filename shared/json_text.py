"""Parse untrusted JSON (RFC 8259) up to a maximum depth."""

from __future__ import annotations

import json
from itertools import accumulate
from typing import NoReturn

MAX_DEPTH = 64
"""Objects and arrays in one another. Readers recurse; who nests deeper exhausts them, here or behind us."""

_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_LEVELS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
"""Brackets to 1 and -1, as signed bytes."""


class TooDeepError(ValueError):
    """The JSON is nested too deeply."""

    def __init__(self, most: int = MAX_DEPTH) -> None:
        super().__init__(f"nested deeper than {most} levels")


def check_depth(text: bytes, *, most: int = MAX_DEPTH) -> None:
    """Refuse JSON that is nested too deeply, before anything recurses into it.

    This takes time in proportion to the length. The parser reports text that is not JSON.

    Args:
        most: allowed levels of nested objects and arrays.

    Raises:
        TooDeepError: the JSON is nested more deeply.
    """
    if text.count(b"[") + text.count(b"{") <= most:
        return
    steps = _outside_strings(text).translate(None, _NOT_BRACKETS).translate(_LEVELS)
    depths = accumulate(memoryview(steps).cast("b"))
    if any(map(most.__lt__, depths)):
        raise TooDeepError(most)


def _outside_strings(text: bytes) -> bytes:
    # Without escapes, every other part between quotes is a string. Escapes are in strings only: where one is
    # elsewhere, a reader stops.
    plain = text.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in text else text
    return b"".join(plain.split(b'"')[::2])


def parse_json(text: bytes | str) -> object:
    """Parse `text`.

    Raises:
        ValueError: `text` is not UTF-8, not JSON, nested too deeply, or contains lone surrogates.
    """
    raw = text.encode() if isinstance(text, str) else text
    check_depth(raw)
    try:
        value: object = _decode(raw.decode("utf-8-sig"))
        _encode(value).encode()
    except RecursionError as error:
        raise TooDeepError from error
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode
_encode = json.JSONEncoder(ensure_ascii=False).encode
