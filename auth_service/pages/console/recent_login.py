"""Requires a login of the last minutes, or the password again, for what is dangerous (ID-8)."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.pages.current_password import CurrentPassword, NotDoneError
from auth_service.pages.posted_forms import PostedForm
from auth_service.protocol.admin_access import RECENT_S
from auth_service.protocol.reasons import Reason
from auth_service.users.repository import User
from auth_service.users.sessions import Session
from shared.clock import Clock
from shared.texts import Text


@dataclass(frozen=True, kw_only=True)
class RecentLogin:
    """The same rule as that of the admin API; a person at a page can enter the password instead."""

    current_password: CurrentPassword
    clock: Clock

    def is_fresh(self, session: Session) -> bool:
        """Whether the person has authenticated within `RECENT_S`."""
        return session.is_fresh(self.clock(), RECENT_S)

    async def require(self, posted: PostedForm, user: User) -> None:
        """Check the age of the login, or else the password in the form.

        Raises:
            NotDoneError: the login is too old, and the password is missing or wrong.
        """
        if self.is_fresh(posted.session):
            return
        if not user.password_hash or not posted.fields.get("password"):
            raise NotDoneError(Text("Log in again, then try again."), 401, Reason.LOGIN_TOO_OLD)
        await self.current_password.require(posted.fields, posted.browser, posted.session, posted.network)
