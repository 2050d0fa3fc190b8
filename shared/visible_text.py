"""Text of strangers for people to judge: characters that cannot be seen become escapes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Printable by Python's definition, and yet invisible: fillers, a blank pattern, joiners, variation selectors.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def visible(text: str) -> str:
    """Return `text` with an escape for each character that cannot be seen or changes the direction."""
    return "".join(_escape(c) if _is_hidden(c) else c for c in text)


def visible_parts(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of `visible`, and whether each is an escape, which the text may imitate."""
    start = 0
    for position, character in enumerate(text):
        if _is_hidden(character):
            if start < position:
                yield text[start:position], False
            yield _escape(character), True
            start = position + 1
    if start < len(text):
        yield text[start:], False


def _is_hidden(character: str) -> bool:
    return not character.isprintable() or _INVISIBLE.match(character) is not None


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
