"""Which domains may introduce clients by a document of their own (CIMD draft §8.9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

_PATTERN = re.compile(r"(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")


class Trust(Enum):
    """What the operator thinks of a domain."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


def check_pattern(pattern: str) -> str:
    """Return `pattern` if it is one: ``example.com``, or ``*.example.com`` for every domain below it.

    Raises:
        ValueError: it is not.
    """
    if not _PATTERN.fullmatch(pattern):
        raise ValueError(f"{pattern!r} is not a domain in lower case, such as example.com or *.example.com")
    return pattern


@dataclass(frozen=True, slots=True)
class DomainPolicy:
    """The operator's lists; a domain on both is denied.

    Attributes:
        otherwise: for a domain on neither.
    """

    otherwise: Trust = Trust.ASK
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    @property
    def admits_any(self) -> bool:
        """Whether there can be such clients at all."""
        return self.otherwise is not Trust.DENY or bool(self.allow)

    def trust_in(self, host: str) -> Trust:
        """The trust in `host`, in lower case."""
        if _matches(host, self.deny):
            return Trust.DENY
        return Trust.ALLOW if _matches(host, self.allow) else self.otherwise


def _matches(host: str, patterns: tuple[str, ...]) -> bool:
    return any(
        host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern for pattern in patterns
    )
