"""Makes what a server sent safe to print: no control or invisible character, nothing endless."""

from __future__ import annotations

import reprlib

MAX_VALUE = 160
MAX_LINE = 1_200


def printable(text: str, limit: int = MAX_LINE) -> str:
    """`text` on one line, everything that a terminal would act on or hide as an escape, cut at `limit`.

    That is all that `str.isprintable` says no to: C0 and C1 controls (ESC among them), line breaks,
    bidirectional and zero-width characters, lone surrogates, private use.
    """
    kept = text[:limit]
    visible = "".join(c if c.isprintable() else _escaped(c) for c in kept)
    return f"{visible}… ({len(text)} characters)" if len(text) > limit else visible


def quoted(value: object, limit: int = MAX_VALUE) -> str:
    """A value that a server sent, between quotes where it is text."""
    text = value if isinstance(value, str) else reprlib.repr(value)
    visible = printable(text, limit)
    return f'"{visible}"' if isinstance(value, str) else visible


def listed(values: list[str] | tuple[str, ...], limit: int = 12) -> str:
    """Several values that a server sent, no more than `limit` of them."""
    joined = ", ".join(quoted(value) for value in values[:limit])
    return f"{joined} and {len(values) - limit} more" if len(values) > limit else joined


def _escaped(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
