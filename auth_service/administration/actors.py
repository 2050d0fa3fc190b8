"""The actor of an administrative operation, and the log line about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.logs import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An administrator, or a client that acts for itself.

    Attributes:
        name: the username, or the id of the client.
        subject: None for a client that acts for itself.
    """

    name: str
    subject: str | None
    via: Literal["console", "api"]

    def audit(self, action: str, **what: object) -> None:
        """Log an operation of the actor."""
        _log.warning(
            "administration", action=action, by=self.name, subject=self.subject, via=self.via, **what
        )
