"""Usernames, and the form in which they are compared (after RFC 8265 §3.3, UsernameCaseMapped)."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from shared.texts import Text

MAX_USERNAME = 128


def canonical(username: str) -> str:
    """Return the canonical form of a username.

    Raises:
        ValueError: the username is empty, too long, or contains spaces or control characters.
    """
    return _folded(username.strip())


@lru_cache(maxsize=1_024)
def _folded(typed: str) -> str:
    # The length comes first: normalizing takes the square of the number of consecutive marks. And longer text
    # would be kept, if this did not raise for it.
    folded = unicodedata.normalize("NFKC", typed).casefold() if len(typed) <= MAX_USERNAME else ""
    if not 0 < len(folded) <= MAX_USERNAME:
        raise ValueError(Text("a username must have 1 to %(most)s characters", most=MAX_USERNAME))
    if any(unicodedata.category(character)[0] in "CZ" for character in folded):
        raise ValueError(Text("a username must not contain spaces or control characters"))
    return folded
