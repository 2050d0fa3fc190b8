"""Scope strings (RFC 6749 §3.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_MAX_REMEMBERED = 512
"""Characters of the longest scope whose tokens are remembered: nearly all requests have the same few."""

# RFC 6749 Appendix A.4: scope-token = 1*NQCHAR, NQCHAR = %x21 / %x23-5B / %x5D-7E
SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+\Z")


def parse_scope(value: str) -> tuple[str, ...]:
    """Split a scope string into its distinct tokens, in the order given.

    Args:
        value: space-separated scope tokens; empty text gives no scopes.

    Raises:
        ValueError: a token contains a character that RFC 6749 §3.3 does not allow.
    """
    return _remembered(value) if len(value) <= _MAX_REMEMBERED else _parsed(value)


def _parsed(value: str) -> tuple[str, ...]:
    tokens = tuple(dict.fromkeys(value.split(" "))) if value else ()
    tokens = tuple(token for token in tokens if token)
    if any(not SCOPE_TOKEN.match(token) for token in tokens):
        raise ValueError("scope contains an invalid character")
    return tokens


_remembered = lru_cache(maxsize=1_024)(_parsed)


def format_scope(scopes: Iterable[str]) -> str:
    """Join scope tokens with spaces."""
    return " ".join(scopes)
