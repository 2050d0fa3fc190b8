"""The interface of a console section, and the parts that the pages share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from starlette.responses import Response

from auth_service.protocol.parameters import Parameters
from auth_service.users.repository import User
from auth_service.web.submissions import Submission
from shared.logs import get_logger

MOST_GRANTS = 100
"""The maximum number of grants counted for each client or person in a list."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Administrator:
    """An administrator who has logged in recently; checked on every request.

    Attributes:
        csrf: the form token for the pages shown to them.
        submission: the form that they submitted; None for a GET.
    """

    user: User
    csrf: str
    submission: Submission | None = None

    def audit(self, action: str, **what: object) -> None:
        """Log an action of the administrator."""
        _log.warning(
            "administration", action=action, by=self.user.username, subject=self.user.subject, **what
        )


class Section(Protocol):
    """A page of the console, with its actions."""

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        """Return the page.

        Raises:
            NotThereError: the object of the page no longer exists.
        """
        ...

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        """Perform the action of a form that was issued to this browser.

        Raises:
            OAuthError: the action failed.
        """
        ...


class NotThereError(Exception):
    """The object of a page does not exist or no longer exists."""
