"""What must happen to everything a user has open when the account changes."""

from __future__ import annotations

from auth_service.crypto.passwords import Passwords
from auth_service.federation.identities import IdentityRepository
from auth_service.grants.repository import GrantRepository
from auth_service.storage.interface import Store
from auth_service.users.password_strength import PasswordStrength
from auth_service.users.repository import NoSuchUserError, User, UserRepository
from auth_service.users.sessions import Session, SessionRepository
from shared.clock import Clock

SERVICE_NAME = "Doorward"


class AccountLifecycle:
    """Changes to accounts that reach beyond the account's own document."""

    def __init__(
        self,
        users: UserRepository,
        sessions: SessionRepository,
        grants: GrantRepository,
        identities: IdentityRepository,
    ) -> None:
        self.users = users
        self._identities = identities
        self._sessions = sessions
        self._grants = grants
        self._strength = PasswordStrength()

    @classmethod
    def of_store(cls, store: Store, clock: Clock) -> AccountLifecycle:
        """The accounts in `store`, for a program that begins no sessions."""
        return cls(
            UserRepository(store, Passwords(), clock),
            SessionRepository(store, clock, ttl_s=1),
            GrantRepository(store, clock),
            IdentityRepository(store, clock),
        )

    async def create(
        self, username: str, password: str, name: str | None = None, *, admin: bool = False
    ) -> User:
        """Make an account whose password is hard to guess.

        Raises:
            UserExistsError: the username is taken.
            WeakPasswordError: the password is too short, too long or easily guessed.
            ValueError: the username cannot be one.
        """
        await self._strength.require(password, personal=(username, name, SERVICE_NAME))
        return await self.users.add(username, password, name, admin=admin)

    async def disable(self, username: str) -> User:
        """Lock an account out and end all it has open: its sessions and everything it has granted.

        Its remembered consents are forgotten.

        The account first: anyone who is about to open something looks at the account after opening it.

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

    async def delete(self, username: str) -> User:
        """Delete an account, after everything it has open has ended as in `disable`.

        Raises:
            NoSuchUserError: there is no such account.
        """
        user = await self.disable(username)
        await self._identities.disconnect_all(user.subject)
        await self.users.delete(user)
        return user

    async def set_password(
        self,
        username: str,
        password: str,
        *,
        session: Session | None = None,
        keep_connections: bool = False,
        replacing: User | None = None,
    ) -> User:
        """Replace the password and end what somebody else may have opened with the old one.

        Every other session ends, and with it the codes and device approvals given in it; so does every grant
        that was given in another session. Consents given in other sessions are forgotten: a client approved
        in one of those would otherwise get a new grant without a page in the next session of the person. The
        password first: a login looks at it after it began a session.

        Args:
            session: the one that the change is made in, which stays with what was granted in it.
            keep_connections: leave the grants and the remembered consents as they are.
            replacing: see `UserRepository.set_password`.

        Raises:
            NoSuchUserError: there is no such account.
            PasswordReplacedError: somebody else has replaced the password meanwhile.
            WeakPasswordError: it is too short, too long or easily guessed.
        """
        account = await self.users.get(username)
        if account is None:
            raise NoSuchUserError(username)
        await self._strength.require(password, personal=(username, account.name, SERVICE_NAME))
        but_session = session.session_id if session else None
        user = await self.users.set_password(
            username,
            password,
            replacing=replacing,
            keep_consents=keep_connections,
            but_session=but_session,
        )
        await self._sessions.end_all(user.subject, but=session)
        if not keep_connections:
            await self._grants.revoke_of_subject(
                user.subject, "the password was changed", but_session=but_session
            )
        return user
