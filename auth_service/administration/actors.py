"""The actor of an administrative operation, and the log line about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from auth_service.journal.journal import NO_JOURNAL, Journal
from shared.journal.event import EventKind
from shared.logs import get_logger

_log = get_logger(__name__)

_IDS = frozenset(
    {
        *("user_subject", "created", "invited", "deleted", "client_id", "grant_id", "identity", "group"),
        *("count", "uses", "hours", "version"),
    }
)
"""The members of an operation that the journal keeps: no names of people (JR-3)."""


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
    journal: Journal = NO_JOURNAL

    def audit(self, action: str, **what: object) -> None:
        """Log an operation of the actor, and record it in the journal, there without names of people."""
        _log.warning(
            "administration", action=action, by=self.name, subject=self.subject, via=self.via, **what
        )
        ids = {name: value for name, value in what.items() if name in _IDS}
        self.journal.note(
            EventKind.ADMINISTRATION,
            action=action,
            subject=self.subject,
            client=None if self.subject else self.name,
            via=self.via,
            about=ids or None,
        )
