"""Account changes, and their effect on the sessions and grants of the account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from auth_service.access.announcements import AccessChangePublisher
from auth_service.accounts.connected_identities import ConnectedIdentities
from auth_service.connected_accounts.records import ConnectedAccountRecords
from auth_service.crypto.passwords import Passwords
from auth_service.federation.identities import IdentityRepository
from auth_service.grants.repository import GrantRepository
from auth_service.journal.account_events import BeforeWrite, nothing_before
from auth_service.storage import keys
from auth_service.users.factors import FactorRepository
from auth_service.users.known_browsers import KnownBrowserRepository
from auth_service.users.password_strength import PasswordStrength
from auth_service.users.repository import User, UserRepository
from auth_service.users.sessions import Session, SessionRepository
from shared.appearance.settings import DEFAULT_NAME
from shared.clock import Clock
from shared.storage.interface import Store
from shared.storage.revocation_log import LONGEST_S, disabled_entry, record_in


class AccountLifecycle:
    """Changes an account together with its sessions, grants and consents."""

    def __init__(
        self,
        users: UserRepository,
        sessions: SessionRepository,
        grants: GrantRepository,
        connected: ConnectedIdentities,
        *,
        factors: FactorRepository,
        known_browsers: KnownBrowserRepository,
        site_name: str = DEFAULT_NAME,
    ) -> None:
        self.users = users
        self.connected = connected
        self.factors = factors
        self._known_browsers = known_browsers
        self._changes = connected.changes
        self._sessions = sessions
        self._grants = grants
        self._strength = PasswordStrength()
        # Both names: a page shows that of the site, and everybody knows that of the software.
        self._service_names = (site_name, DEFAULT_NAME)

    @classmethod
    def of_store(cls, store: Store, clock: Clock, *, site_name: str = DEFAULT_NAME) -> AccountLifecycle:
        """Return the lifecycle of the accounts in `store`, for a program that begins no sessions."""
        users = UserRepository(store, Passwords(), clock)
        sessions, grants = SessionRepository(store, clock, ttl_s=1), GrantRepository(store, clock)
        factors = FactorRepository(store, clock)
        connected = ConnectedIdentities(
            store=store,
            users=users,
            sessions=sessions,
            grants=grants,
            identities=IdentityRepository(store, clock),
            changes=AccessChangePublisher(store, users, clock),
            factors=factors,
        )
        return cls(
            users,
            sessions,
            grants,
            connected,
            factors=factors,
            known_browsers=KnownBrowserRepository(store, clock),
            site_name=site_name,
        )

    async def create(
        self,
        username: str,
        password: str,
        name: str | None = None,
        *,
        admin: bool = False,
        subject: str | None = None,
    ) -> User:
        """Create an account whose password is hard to guess.

        Args:
            subject: never that of an earlier account; None to draw one.

        Raises:
            UserExistsError: the username is taken.
            WeakPasswordError: the password is too short, too long or easily guessed.
            ValueError: the username is not valid.
        """
        await self._strength.require(password, personal=(username, name, *self._service_names))
        return await self.users.add(username, password, name, admin=admin, subject=subject)

    async def disable(self, account: User) -> User:
        """Disable an account and end its sessions and grants.

        Its remembered consents are forgotten.

        The account is disabled first: code that opens a session or grant checks the account afterwards.

        Raises:
            NoSuchUserError: the account no longer exists.
        """
        log = self.connected.store.revocation_log
        await record_in(log, disabled_entry(keys.subject(account.subject)), LONGEST_S)
        user = await self.users.set_disabled(account, True)
        await self._sessions.end_all(user.subject)
        await self._grants.revoke_of_subject(user.subject)
        return user

    async def demote(self, account: User) -> User:
        """Withdraw access to the console, and what the access rules give to administrators.

        Raises:
            NoSuchUserError: the account no longer exists.
        """
        async with self._changes.around(account.subject):
            return await self.users.set_admin(account, False)

    async def set_email(self, account: User, address: str | None) -> User:
        """Set or remove the proven e-mail address of an account.

        Raises:
            NoSuchUserError: the account no longer exists.
            ValueError: the address cannot be normalized, or another account has it.
        """
        async with self._changes.around(account.subject):
            return await self.users.set_email(account, address)

    async def end_sessions(self, account: User) -> None:
        """End the sessions of an account; the programs connected in them stay connected."""
        await self._sessions.end_all(account.subject)

    async def enable(self, account: User) -> User:
        """Enable a disabled account; the sessions and grants that ended stay ended.

        Raises:
            NoSuchUserError: the account no longer exists.
        """
        return await self.users.set_disabled(account, False)

    async def delete(self, account: User) -> User:
        """Delete an account after ending its sessions and grants as in `disable`.

        Raises:
            NoSuchUserError: the account no longer exists.
        """
        user = await self.disable(account)
        await self.connected.identities.disconnect_all(user.subject)
        await ConnectedAccountRecords(self.connected.store).delete_all(user.subject)
        await self.factors.delete(user.subject)
        await self._known_browsers.forget_all(user.subject)
        await self.users.delete(user)
        return user

    async def reset_factors(self, account: User) -> bool:
        """Remove the second factors of an account and notify the person; return whether it had any.

        For somebody who has lost them. Sessions and grants stay.
        """
        return await self.factors.reset(account.subject)

    async def set_password(
        self,
        account: User,
        password: str,
        *,
        session: Session | None = None,
        keep_connections: bool = False,
        only_unchanged: bool = False,
        require: Callable[[User], None] = lambda _: None,
        before: BeforeWrite = nothing_before,
        network: str = "",
    ) -> User:
        """Replace the password and end what somebody else may have opened with the old one.

        Every other session ends, with the codes and device approvals given in it, and every grant given in
        another session. Consents given in other sessions are forgotten: a client approved in one of them
        would otherwise get a new grant without a consent page in the person's next session. The password is
        replaced first: a login checks it after beginning a session.

        Args:
            session: the session in which the password is changed; it stays, with the grants given in it.
            keep_connections: leave the grants and the remembered consents unchanged.
            network: where the change comes from, for the notice; empty for an administrator's command.
            before: awaited when the new password has been accepted, before it is stored.
            only_unchanged, require: see `UserRepository.set_password`.

        Raises:
            NoSuchUserError: the account no longer exists.
            PasswordReplacedError: somebody else has replaced the password in the meantime.
            WeakPasswordError: the password is too short, too long or easily guessed.
        """
        personal = (account.username, account.name, *self._service_names)
        await self._strength.require(password, personal=personal)
        await before()
        but_session = session.session_id if session else None
        user = await self.users.set_password(
            account,
            password,
            only_unchanged=only_unchanged,
            require=require,
            keep_consents=keep_connections,
            but_session=but_session,
        )
        await self._sessions.end_all(user.subject, but=session)
        await self.factors.note(user.subject, "The password was changed", network)
        if not keep_connections:
            await self._grants.revoke_of_subject(
                user.subject, "the password was changed", but_session=but_session
            )
        return user

    async def replace_password_hash(self, account: User, password_hash: str) -> User:
        """Replace the stored hash by one from an export; otherwise as `set_password`.

        Raises:
            NoSuchUserError: the account no longer exists.
        """

        def change(user: User) -> User:
            return replace(user.without_consents(), password_hash=password_hash, link=None, invited=False)

        user = await self.users.change(account, change)
        await self._sessions.end_all(user.subject)
        await self._grants.revoke_of_subject(user.subject, "the password was changed")
        return user
