"""E-mail addresses that can be compared: which account is whose may depend on it."""

from __future__ import annotations

import re

# Printable ASCII only: in anything else two addresses can look, or be folded, alike. No quoted local parts.
_EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_MAX_LENGTH = 254


def normalized(address: str) -> str | None:
    """The address in lower case; None for one that is not compared."""
    return address.lower() if len(address) <= _MAX_LENGTH and _EMAIL.fullmatch(address) else None
