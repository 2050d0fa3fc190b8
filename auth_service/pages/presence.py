"""Proof that the owner of an account is present: the password, or a fresh login if it has none."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.pages.current_password import CurrentPassword, NotDoneError
from auth_service.pages.posted_forms import PostedForm
from auth_service.protocol.reasons import Reason
from auth_service.users.repository import User
from shared.clock import Clock
from shared.texts import Text

RECENT_S = 600
"""The maximum age of a login that replaces the password for an account without one, in seconds."""


@dataclass(frozen=True, kw_only=True)
class Presence:
    """Requires the proof for forms whose changes are reserved to the owner."""

    current_password: CurrentPassword
    clock: Clock

    async def require(self, posted: PostedForm, user: User) -> None:
        """Check the password in the form, or the age of the login if the account has no password.

        Raises:
            NotDoneError: the password is wrong, or the login is too old.
        """
        if user.password_hash:
            await self.current_password.require(posted.fields, posted.browser, posted.session, posted.network)
        elif not posted.session.is_fresh(self.clock(), RECENT_S):
            raise NotDoneError(Text("Log in again, then try again."), 401, Reason.LOGIN_TOO_OLD)
