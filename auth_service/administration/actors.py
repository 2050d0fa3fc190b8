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
        *("count", "uses", "hours", "version", "tool", "mount", "resource"),
        *("definition", "digest", "software"),
    }
)
"""The members of an operation that the journal keeps: no names of people (JR-3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An administrator, a client that acts for itself, the operator at the command line, or a person.

    Attributes:
        name: the username, the id of the client, or the user of the operating system.
        subject: None for a client that acts for itself, and for the operator.
    """

    name: str
    subject: str | None
    via: Literal["console", "api", "command", "account"]
    journal: Journal = NO_JOURNAL

    def audit(self, action: str, **what: object) -> None:
        """Log an operation of the actor, and record it in the journal, there without names of people."""
        _log.warning(
            "administration", action=action, by=self.name, subject=self.subject, via=self.via, **what
        )
        ids = {name: value for name, value in what.items() if name in _IDS}
        self.journal.note(EventKind.ADMINISTRATION, action=action, **self.members(), about=ids or None)

    def members(self) -> dict[str, str | None]:
        """Return the actor as members of an event, without names of people."""
        is_client = self.subject is None and self.via == "api"
        return {
            "subject": self.subject,
            "client": self.name if is_client else None,
            "operator": self.name if self.via == "command" else None,
            "via": self.via,
        }
