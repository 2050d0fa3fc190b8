"""Make server data safe to print: without control or invisible characters, and limited in length."""

from __future__ import annotations

import reprlib

MAX_VALUE = 160
MAX_LINE = 1_200


def printable(text: str, limit: int = MAX_LINE) -> str:
    """Return `text` on one line, cut at `limit`, with escapes for what a terminal would interpret or hide.

    Escaped is everything for which `str.isprintable` is false: C0 and C1 controls (such as ESC), line breaks,
    bidirectional and zero-width characters, lone surrogates, private use.
    """
    kept = text[:limit]
    visible = "".join(c if c.isprintable() else _escaped(c) for c in kept)
    return f"{visible}… ({len(text)} characters)" if len(text) > limit else visible


def quoted(value: object, limit: int = MAX_VALUE) -> str:
    """Format a value from a server, with quotes around text."""
    text = value if isinstance(value, str) else reprlib.repr(value)
    visible = printable(text, limit)
    return f'"{visible}"' if isinstance(value, str) else visible


def listed(values: list[str] | tuple[str, ...], limit: int = 12) -> str:
    """Format values from a server, at most `limit` of them."""
    joined = ", ".join(quoted(value) for value in values[:limit])
    return f"{joined} and {len(values) - limit} more" if len(values) > limit else joined


def _escaped(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
