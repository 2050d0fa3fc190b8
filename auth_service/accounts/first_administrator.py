"""The link by which the first administrator of a new installation is created, once (OP-6, ID-8)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.crypto.secrets import digest, matches
from auth_service.protocol.factors import Passkey, add_passkey
from auth_service.protocol.usernames import canonical
from auth_service.storage import keys
from auth_service.users.factors import FactorRepository
from auth_service.users.repository import NoSuchUserError, User, UserExistsError
from shared.clock import Clock
from shared.storage.interface import Store


class SetupOverError(Exception):
    """The link is not valid, has expired or was used, or an administrator already exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPasskey:
    """A passkey that an authenticator has created for an account that does not exist yet.

    Attributes:
        subject: of the account.
        mark: identifies the submission.
    """

    subject: str
    key: Passkey
    mark: str


@dataclass(frozen=True, kw_only=True)
class FirstAdministrator:
    """Creates the first administrator, for the holder of the link that `doorward init` printed.

    Attributes:
        setup_link: the SHA-256 of the link's secret and its expiry, as in `DOORWARD_SETUP_LINK`; None if
            without a link.
        demo: the username of the demo user, who does not count, and whom the administrator replaces; None
            without one.
    """

    accounts: AccountLifecycle
    factors: FactorRepository
    store: Store
    clock: Clock
    setup_link: str | None
    demo: str | None = None

    async def require(self, secret: str | None) -> None:
        """Check that a link may still be used.

        Raises:
            SetupOverError: the link may not be used.
        """
        # The link comes first: it is cheap to check, and strangers learn nothing about the accounts.
        if not secret or self._remaining_s(secret) <= 0:
            raise SetupOverError
        if await self.store.get(_used(secret)) is not None or await self._is_set_up():
            raise SetupOverError

    async def create(self, secret: str, username: str, way: str | FirstPasskey) -> User:
        """Create the administrator; of several callers, in any processes, exactly one succeeds.

        Args:
            way: the password, or the passkey of an account without a password.

        Raises:
            SetupOverError: the link may not be used (any longer).
            UserExistsError: the username is taken.
            WeakPasswordError: the password is too short, too long or easily guessed.
            ValueError: the username is not valid.
        """
        await self.require(secret)
        if not await self.store.put_once(_used(secret), ttl_s=max(1, self._remaining_s(secret))):
            raise SetupOverError
        try:
            # Checked again: somebody may have created an administrator in another way in the meantime.
            if await self._is_set_up():
                raise SetupOverError
            user = await self._create(username, way)
        except BaseException:
            await self.store.delete(_used(secret))  # nothing was created: the link stays valid
            raise
        await self._remove_demo_user()
        return user

    async def _create(self, username: str, way: str | FirstPasskey) -> User:
        if isinstance(way, str):
            return await self.accounts.create(username, way, admin=True)
        canonical(username)
        user = User(
            subject=way.subject,
            username=username.strip(),
            password_hash="",
            created_at=int(self.clock()),
            admin=True,
            provider_username="",
        )
        # The passkey is stored first: an administrator must be able to log in.
        await self.factors.change(way.subject, lambda factors: add_passkey(factors, way.key, mark=way.mark))
        try:
            return await self.accounts.users.add_new(user)
        except UserExistsError:
            await self.factors.delete(way.subject)
            raise

    async def demo_user(self) -> User | None:
        """Return the account that the first administrator replaces, if it exists."""
        return await self.accounts.users.get(self.demo) if self.demo else None

    async def _remove_demo_user(self) -> None:
        """Delete the demo user, whose password is public."""
        demo = await self.demo_user()
        if demo is not None:
            with suppress(NoSuchUserError):  # deleted at the same time
                await self.accounts.delete(demo)

    def _remaining_s(self, secret: str) -> int:
        stored, _, expires_at = (self.setup_link or "").partition(":")
        return int(expires_at) - int(self.clock()) if stored and matches(secret, stored) else 0

    async def _is_set_up(self) -> bool:
        return any(user.admin and user.username != self.demo for user in await self.accounts.users.list())


def _used(secret: str) -> str:
    return keys.once("set-up", digest(secret))
