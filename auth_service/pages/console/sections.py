"""What every section of the console is given, and the parts that its pages share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from starlette.responses import Response

from auth_service.protocol.parameters import Parameters
from auth_service.users.repository import User
from auth_service.web.submissions import Submission
from shared.logs import get_logger

MOST_GRANTS = 100
"""Where many clients or people are listed, what each is connected to is counted up to so many."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Administrator:
    """Somebody who has logged in not long ago and whose account is an administrator's, at this very request.

    Attributes:
        csrf: for the forms of the pages they are shown.
        submission: the form that they have posted; None where they only look.
    """

    user: User
    csrf: str
    submission: Submission | None = None

    def audit(self, action: str, **what: object) -> None:
        """Log what they did."""
        _log.warning(
            "administration", action=action, by=self.user.username, subject=self.user.subject, **what
        )


class Section(Protocol):
    """One page of the console, and what can be done on it."""

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        """The page.

        Raises:
            NotThereError: it is about something that is gone.
        """
        ...

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        """Do what was posted, from a form that this browser was given here.

        Raises:
            OAuthError: it cannot be done.
        """
        ...


class NotThereError(Exception):
    """What a page would be about is gone, or never was."""


def day(moment: int | None) -> str | None:
    """A time for people to read; None for never."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")
