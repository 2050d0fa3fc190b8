"""Asks for the current password before an irreversible action, within the login limits."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from auth_service.protocol.errors import SlowDownError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.users.password_check import PasswordCheck
from auth_service.users.repository import User, UserRepository
from auth_service.users.sessions import Session
from auth_service.web.browser_cookies import Browser
from auth_service.web.http import wait_sentence
from auth_service.web.page_context import PageContext
from shared.logs import get_logger
from shared.texts import Text

_log = get_logger(__name__)


class NotDoneError(Exception):
    """The action of a form was refused; the message tells the person why.

    Attributes:
        message: for the page; as a string, for the log.
        status: the status of the page.
        retry_after_s: seconds; None if waiting does not help.
    """

    def __init__(self, message: Text, status: int, reason: Reason, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.retry_after_s = retry_after_s


def not_done(page: Response, error: NotDoneError, event: str, **who: str) -> Response:
    """Log the refusal as `event`, and complete the page that tells the person."""
    _log.info(event, reason=str(error), reason_code=error.reason.code, status=error.status, **who)
    if error.retry_after_s is not None:
        page.headers["Retry-After"] = str(error.retry_after_s)
    return page


@dataclass(frozen=True, kw_only=True)
class CurrentPassword:
    """Checks the field `password` of a form against the account of the session."""

    context: PageContext
    check: PasswordCheck
    users: UserRepository

    async def require(self, form: Parameters, browser: Browser, session: Session, network: str) -> User:
        """Return the account, authenticated by the password.

        Raises:
            NotDoneError: the password is wrong, or too many attempts were wrong.
        """
        account = await self.users.by_subject(session.subject)
        try:
            user = await self.check.authenticate(
                account.username if account else session.username,
                form.get("password") or "",
                network=network,
                known_browser=await self.context.known_browser(browser, session.subject),
            )
        except SlowDownError as error:
            raise NotDoneError(
                wait_sentence(error), 429, Reason.LOGIN_FAILURES_EXCEEDED, error.retry_after_s
            ) from error
        if user is None or user.subject != session.subject:
            raise NotDoneError(Text("The current password is wrong."), 401, Reason.PASSWORD_WRONG)
        return user
