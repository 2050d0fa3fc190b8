"""The header in which an upstream gets the API key of a person. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from resource_service.messages.forwarded_headers import PASSED, is_of_mcp, why_not_passed

AUTHORIZATION = "authorization"
_PREFIX = re.compile(r"[\x20-\x7e]{0,40}")


@dataclass(frozen=True, slots=True)
class KeyHeader:
    """Where an API key is sent.

    Attributes:
        name: of the header, in lower case.
        prefix: before the key, such as ``Bearer `` with its space.
    """

    name: str = AUTHORIZATION
    prefix: str = "Bearer "

    @classmethod
    def of(cls, name: str | None, prefix: str | None) -> KeyHeader:
        """Return the header of the settings.

        Args:
            name: ``Authorization`` by default.
            prefix: by default ``Bearer `` in `Authorization`, and nothing in another header.
        """
        name = (name or AUTHORIZATION).lower()
        if prefix is None:
            prefix = "Bearer " if name == AUTHORIZATION else ""
        return cls(name, prefix.lstrip())

    def field(self, api_key: str) -> tuple[bytes, bytes]:
        """Return the header field with an API key, which is ASCII."""
        return self.name.encode(), f"{self.prefix}{api_key}".encode("ascii")


BEARER = KeyHeader()
"""The header unless the settings have another one."""


def check_header(name: str) -> str:
    """Return the name of a header in which an API key can be sent.

    Raises:
        ValueError: it cannot. The message says why.
    """
    if name.lower() == AUTHORIZATION:
        return name
    reason, field = why_not_passed(name), name.lower().encode()
    if not reason and (field in PASSED or is_of_mcp(field)):
        reason = "clients send it"
    if reason:
        raise ValueError(f"an API key cannot be sent in this header: {reason}")
    return name


def check_prefix(prefix: str) -> str:
    """Return a text that can be sent before an API key.

    Raises:
        ValueError: it cannot.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError("the text before an API key must have at most 40 characters of ASCII")
    return prefix
