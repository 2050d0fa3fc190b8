"""One-time links by which a person sets the password: after a reset, or to accept an invitation (ID-6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.crypto.secrets import digest, matches, new_id, new_secret
from auth_service.journal.account_events import BeforeWrite, nothing_before
from auth_service.protocol.email_addresses import required
from auth_service.users.repository import User, UserExistsError
from shared.clock import Clock
from shared.texts import Text

PREFIX = "dw_al_"
MOST_HOURS = 7 * 24
MOST_INVITED = 1_000
"""The maximum number of invited people who have not accepted yet."""


class LinkOverError(Exception):
    """The link is unknown, has expired, was used or was replaced; people do not see which."""


class TooManyInvitedError(ValueError):
    """Too many invitations are open."""


@dataclass(frozen=True, kw_only=True)
class AccountLinks:
    """Creates and redeems links. An account has at most one: a new link replaces the previous one."""

    accounts: AccountLifecycle
    clock: Clock

    async def reset(self, user: User, *, ttl_s: int, drawn: str | None = None, lock: bool = False) -> str:
        """End the sessions of an account and return the secret of a link that sets a new password.

        Args:
            drawn: the random part of the secret; None to draw it.
            lock: whether the account may have been taken over: the link is then the only way to log in that
                stays, apart from identity providers. Otherwise the current password is valid until the link
                is used.

        Raises:
            NoSuchUserError: the account no longer exists.
        """
        if lock:
            await self._lock(user)
        secret = await self._issue(user, ttl_s, drawn)
        await self.accounts.end_sessions(user)
        return secret

    async def _lock(self, user: User) -> None:
        # A password that nobody has, rather than none: the account stays one of the operator's.
        await self.accounts.users.set_password(user, new_secret())
        await self.accounts.reset_factors(user)
        # Once more, after the passkeys were removed: a login with one of them that is under way is refused
        # because of it (`UserRepository.may_still_log_in`), or its session and grants end.
        await self.accounts.set_password(user, new_secret())

    async def invite(
        self,
        username: str,
        name: str | None = None,
        email: str | None = None,
        *,
        ttl_s: int,
        drawn: str | None = None,
    ) -> tuple[User, str]:
        """Create an account without a password; return it with the secret of the link that sets one.

        Args:
            drawn: the random part of the secret; a repetition with the same one has the same result.

        Raises:
            UserExistsError: the username is taken.
            TooManyInvitedError: too many invitations are open.
            ValueError: the username or the address is not valid, or the address is another account's.
        """
        now = self.clock()
        waiting = [user for user in await self.accounts.users.list() if user.invited]
        if sum(now < user.link_expires_at for user in waiting) >= MOST_INVITED:
            raise TooManyInvitedError(
                Text("%(count)s invitations are open; wait, or delete some accounts", count=MOST_INVITED)
            )
        email = required(email) if email else None
        user = await self._invited(
            User(
                subject=subject_from(drawn) if drawn else new_id(),
                username=username.strip(),
                password_hash="",
                created_at=int(now),
                name=name,
                invited=True,
                provider_username="",
            )
        )
        if email:
            user = await self.accounts.users.set_email(user, email)
        return user, await self._issue(user, ttl_s, drawn)

    async def _invited(self, user: User) -> User:
        try:
            return await self.accounts.users.add_new(user)
        except UserExistsError:
            existing = await self.accounts.users.by_subject(user.subject)
            if existing is None or not existing.invited:
                raise
            return existing  # invited by an earlier attempt at the same request

    def drawn_link(self, user: User, drawn: str) -> str | None:
        """Return the secret of the link with this random part; None if it was used or replaced."""
        secret = f"{_prefix_of(user)}{drawn}"
        return secret if matches(secret, user.link) else None

    async def find(self, secret: str | None) -> User:
        """Return the account of a valid link.

        Raises:
            LinkOverError: the link is not valid.
        """
        subject = (secret or "").removeprefix(PREFIX).partition(".")[0]
        user = await self.accounts.users.by_subject(subject) if subject else None
        if user is None or not secret or not self._opens(user, secret):
            raise LinkOverError
        return user

    async def redeem(self, secret: str, password: str, *, before: BeforeWrite = nothing_before) -> User:
        """Set the password and end all earlier sessions and grants; exactly one caller succeeds.

        Args:
            before: see `AccountLifecycle.set_password`.

        Raises:
            LinkOverError: the link is not valid (any longer).
            NoSuchUserError: the account was deleted in the meantime.
            WeakPasswordError: the password is too short, too long or easily guessed.
        """
        user = await self.find(secret)

        def require_link(current: User) -> None:
            if not self._opens(current, secret):
                raise LinkOverError

        return await self.accounts.set_password(user, password, require=require_link, before=before)

    def _opens(self, user: User, secret: str) -> bool:
        return matches(secret, user.link) and not user.disabled and self.clock() < user.link_expires_at

    async def _issue(self, user: User, ttl_s: int, drawn: str | None) -> str:
        prefix = _prefix_of(user)
        secret = f"{prefix}{drawn}" if drawn else new_secret(prefix)
        expires_at = int(self.clock()) + ttl_s
        await self.accounts.users.change(
            user, lambda current: replace(current, link=digest(secret), link_expires_at=expires_at)
        )
        return secret


def _prefix_of(user: User) -> str:
    return f"{PREFIX}{user.subject}."


def subject_from(drawn: str) -> str:
    """Return the subject of an account that a repeatable request creates, from its random text."""
    return digest(f"subject {drawn}")[:32]


def link_url(issuer: str, secret: str) -> str:
    """Return the URL that a person opens."""
    return f"{issuer}/set-password?{urlencode({'link': secret})}"
