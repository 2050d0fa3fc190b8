"""Which domains may introduce clients by metadata documents (CIMD draft §8.9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

_PATTERN = re.compile(r"(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")


class Trust(Enum):
    """How far the operator trusts a domain."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


def check_pattern(pattern: str) -> str:
    """Return `pattern` if it is valid: ``example.com``, or ``*.example.com`` for every domain below it.

    Raises:
        ValueError: it is not valid.
    """
    if not _PATTERN.fullmatch(pattern):
        raise ValueError(f"{pattern!r} is not a domain in lower case, such as example.com or *.example.com")
    return pattern


@dataclass(frozen=True, slots=True)
class DomainPolicy:
    """The operator's allow and deny lists; a domain on both is denied.

    Attributes:
        otherwise: the trust in a domain on neither list.
    """

    otherwise: Trust = Trust.ASK
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    @property
    def admits_any(self) -> bool:
        """Whether any domain can be allowed."""
        return self.otherwise is not Trust.DENY or bool(self.allow)

    def trust_in(self, host: str) -> Trust:
        """Return the trust in `host`, given in lower case."""
        if _matches(host, self.deny):
            return Trust.DENY
        return Trust.ALLOW if _matches(host, self.allow) else self.otherwise


def _matches(host: str, patterns: tuple[str, ...]) -> bool:
    return any(
        host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern for pattern in patterns
    )
