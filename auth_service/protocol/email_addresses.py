"""E-mail addresses that are safe to compare: they may decide who owns an account."""

from __future__ import annotations

import re

from shared.texts import Text

# Printable ASCII only: otherwise two addresses can look alike, or fold to the same. No quoted local parts.
_EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
MAX_LENGTH = 254


def required(address: str) -> str:
    """Return the address in lower case.

    Raises:
        ValueError: it is not safe to compare.
    """
    if (safe := normalized(address)) is None:
        raise ValueError(Text("the e-mail address must have the form name@domain, in ASCII"))
    return safe


def normalized(address: str) -> str | None:
    """Return the address in lower case; None if it is not safe to compare."""
    return address.lower() if len(address) <= MAX_LENGTH and _EMAIL.fullmatch(address) else None
