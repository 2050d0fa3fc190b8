"""Parse untrusted JSON (RFC 8259) up to a maximum depth."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import NoReturn

MAX_DEPTH = 64
"""Objects and arrays in one another. Readers recurse; who nests deeper exhausts them, here or behind us."""

# The closing quote is optional, so that an unterminated string is scanned once, not from every quote in it.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_LEVELS = {**dict.fromkeys(b"[{", 1), **dict.fromkeys(b"]}", -1)}


class TooDeepError(ValueError):
    """The JSON is nested too deeply."""

    def __init__(self, most: int = MAX_DEPTH) -> None:
        super().__init__(f"nested deeper than {most} levels")


def check_depth(text: bytes, *, most: int = MAX_DEPTH) -> None:
    """Refuse JSON that is nested too deeply, before anything recurses into it.

    This takes less time than parsing, and stops at the limit. The parser reports text that is not JSON.

    Args:
        most: allowed levels of nested objects and arrays.

    Raises:
        TooDeepError: the JSON is nested more deeply.
    """
    if text.count(b"[") + text.count(b"{") <= most:
        return
    brackets = _STRING.sub(b"", text).translate(None, _NOT_BRACKETS)
    depths = accumulate(map(_LEVELS.__getitem__, brackets))
    if any(map(most.__lt__, depths)):
        raise TooDeepError(most)


def parse_json(text: bytes | str) -> object:
    """Parse `text`.

    Raises:
        ValueError: `text` is not UTF-8, not JSON, nested too deeply, or contains lone surrogates.
    """
    raw = text.encode() if isinstance(text, str) else text
    check_depth(raw)
    try:
        value: object = json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise TooDeepError from error
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
