"""The interface of a console section, and the parts that the pages share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from starlette.responses import Response

from auth_service.administration.actors import Actor
from auth_service.crypto.secrets import new_secret
from auth_service.journal.journal import NO_JOURNAL, Journal
from auth_service.protocol.parameters import Parameters
from auth_service.users.repository import User
from auth_service.web.submissions import Submission

MOST_GRANTS = 100
"""The maximum number of grants counted for each client or person in a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Administrator:
    """An administrator who has logged in recently; checked on every request.

    Attributes:
        csrf: the form token for the pages shown to them.
        submission: the form that they submitted; None for a GET.
        fresh: whether the login is recent enough for what is dangerous.
    """

    user: User
    csrf: str
    submission: Submission | None = None
    fresh: bool = False
    journal: Journal = NO_JOURNAL

    @property
    def actor(self) -> Actor:
        """The administrator, for operations and the log."""
        return Actor(name=self.user.username, subject=self.user.subject, via="console", journal=self.journal)

    @property
    def is_repeated(self) -> bool:
        """Whether the form was answered before; call `drawn` first."""
        return self.submission is not None and self.submission.outcome.finished

    async def drawn(self) -> str:
        """Return random text that is the same for each repetition of the form."""
        return await self.submission.secret() if self.submission else new_secret()

    def audit(self, action: str, **what: object) -> None:
        """Log an action of the administrator."""
        self.actor.audit(action, **what)


class Section(Protocol):
    """A page of the console, with its actions.

    Attributes:
        dangerous: the actions for which the administrator must have logged in within the last minutes, or
            enter the password again.
    """

    dangerous: ClassVar[frozenset[str]]

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        """Return the page.

        Raises:
            NotThereError: the object of the page no longer exists.
        """
        ...

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        """Perform the action of a form that was issued to this browser.

        Raises:
            NotDoneError: the action was refused; the message tells the administrator why.
            OAuthError: the form is not one of the page's.
        """
        ...


class NotThereError(Exception):
    """The object of a page does not exist or no longer exists."""
