"""Names and patterns. Pure.

In a pattern, ``*`` matches any text, including none. Nothing else is special, and matching is case-sensitive.
It takes time proportional to the name, which a client chose.
"""

from __future__ import annotations

from collections.abc import Collection

ANY = "*"


def is_exact(pattern: str) -> bool:
    """Check whether `pattern` matches one name only."""
    return ANY not in pattern


def matches(pattern: str, name: str) -> bool:
    """Check whether `pattern` matches `name`."""
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
    """Check whether `pattern` matches every name that the pattern `other` matches.

    A character that neither contains replaces each ``*`` of `other`: only a ``*`` of `pattern` can match it,
    and would match any other text as well.
    """
    return matches(pattern, other.replace(ANY, "\0"))


def first_pattern(rules: Collection[str], name: str) -> str | None:
    """Return the pattern of the rule for a name: the exact name, or else the first that matches."""
    if name in rules and is_exact(name):
        return name
    return next((pattern for pattern in rules if matches(pattern, name)), None)
