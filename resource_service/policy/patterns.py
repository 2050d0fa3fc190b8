"""Names and the patterns that mean them. Pure.

A pattern is a name in which ``*`` stands for any text, none included. Nothing else is special, letters are
compared as they are, and matching takes time in proportion to the name, which a client chose.
"""

from __future__ import annotations

ANY = "*"


def is_exact(pattern: str) -> bool:
    """Whether `pattern` means one name only."""
    return ANY not in pattern


def matches(pattern: str, name: str) -> bool:
    """Whether `pattern` means `name`, among others."""
    first, *rest = pattern.split(ANY)
    if not rest:
        return name == pattern
    *middle, last = rest
    position, end = len(first), len(name) - len(last)
    if position > end or not name.startswith(first) or not name.endswith(last):
        return False
    for part in middle:
        start = name.find(part, position, end)
        if start < 0:
            return False
        position = start + len(part)
    return True


def covers(pattern: str, other: str) -> bool:
    """Whether `pattern` means every name that the pattern `other` means.

    A character that neither holds stands for whatever a ``*`` of `other` may be: if it matches, it is a ``*``
    of `pattern` that takes it, and would take anything else as well.
    """
    return matches(pattern, other.replace(ANY, "\0"))
