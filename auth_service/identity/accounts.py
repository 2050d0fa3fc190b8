"""What must happen to everything a user has open when the account changes."""

from __future__ import annotations

from auth_service.grants.repository import Grants
from auth_service.identity.sessions import Sessions
from auth_service.identity.users import User, Users


class Accounts:
    """Changes to accounts that reach beyond the account's own document."""

    def __init__(self, users: Users, sessions: Sessions, grants: Grants) -> None:
        self.users = users
        self._sessions = sessions
        self._grants = grants

    async def disable(self, username: str) -> User:
        """Lock an account out and end all it has open: its sessions and everything it has granted.

        The account first: whoever is about to open something looks at the account after opening it.

        Raises:
            NoSuchUserError: there is no such account.
        """
        user = await self.users.set_disabled(username, True)
        await self._sessions.end_all(user.subject)
        await self._grants.revoke_of_subject(user.subject)
        return user

    async def enable(self, username: str) -> User:
        """Let a disabled account in again; what was ended stays ended.

        Raises:
            NoSuchUserError: there is no such account.
        """
        return await self.users.set_disabled(username, False)

    async def set_password(self, username: str, password: str) -> User:
        """Replace the password and end every session, in case somebody else had the old one.

        Raises:
            NoSuchUserError: there is no such account.
            ValueError: it cannot be a password.
        """
        user = await self.users.set_password(username, password)
        await self._sessions.end_all(user.subject)
        return user
