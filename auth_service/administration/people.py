"""The changes that administrators make to accounts, with a log line for each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from auth_service.accounts.account_links import AccountLinks, subject_from
from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.accounts.renaming import AccountRenames
from auth_service.administration.actors import Actor
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.reasons import Reason
from auth_service.users.repository import User, UserExistsError
from shared.texts import Text

INVITED_HOURS = 72
RESET_HOURS = 24
MAX_NAME_CHARACTERS = 200


class OwnAccountError(InvalidRequestError):
    """Administrators do not do this to their own account: at least one administrator must remain."""

    def __init__(self, description: str) -> None:
        super().__init__(Reason.CANNOT_DISABLE_YOURSELF, description)


@dataclass(frozen=True, kw_only=True)
class PeopleAdministration:
    """The operations on accounts. Each is safe to repeat."""

    accounts: AccountLifecycle
    links: AccountLinks
    renames: AccountRenames

    async def create(
        self, actor: Actor, username: str, password: str, *, name: str | None, drawn: str
    ) -> User:
        """Create an account with a password.

        Args:
            drawn: random text; a repetition with the same one has the same result.

        Raises:
            UserExistsError: the username is taken.
            ValueError: the username, the name or the password is not valid.
        """
        subject = subject_from(drawn)
        try:
            user = await self.accounts.create(username, password, checked_name(name), subject=subject)
        except UserExistsError:
            existing = await self.accounts.users.by_subject(subject)
            if existing is None:
                raise
            return existing
        actor.audit("user created", user=user.username, created=user.subject)
        return user

    async def invite(
        self,
        actor: Actor,
        username: str,
        *,
        name: str | None,
        email: str | None,
        drawn: str,
        hours: int = INVITED_HOURS,
    ) -> tuple[User, str]:
        """Create an account without a password; return it with the secret of the link that sets one.

        Raises:
            UserExistsError: the username is taken.
            ValueError: the username, the name or the address is not valid, or too many invitations are open.
        """
        user, secret = await self.links.invite(
            username, checked_name(name), email, ttl_s=hours * 3_600, drawn=drawn
        )
        actor.audit("user invited", user=user.username, invited=user.subject)
        return user, secret

    async def new_link(
        self, actor: Actor, user: User, *, drawn: str, hours: int = RESET_HOURS, lock: bool = False
    ) -> str:
        """End the sessions of an account; return the secret of the link that sets a new password.

        Args:
            lock: see `AccountLinks.reset`.

        Raises:
            NoSuchUserError: the account no longer exists.
            OwnAccountError: the actor's own account cannot be locked, because that removes second factors.
        """
        if lock:
            _refuse_own(actor, user, Text("you cannot lock your own account"))
        secret = await self.links.reset(user, ttl_s=hours * 3_600, drawn=drawn, lock=lock)
        actor.audit("user link made", user=user.username, user_subject=user.subject, locked=lock)
        return secret

    async def repeated_link(self, user: User, drawn: str) -> str | None:
        """Return the secret of the link that a repeated request has made; None if it was used or replaced.

        A repetition must not make such a link valid again.
        """
        current = await self.accounts.users.by_subject(user.subject)
        return self.links.drawn_link(current, drawn) if current else None

    async def rename(self, actor: Actor, user: User, username: str) -> User:
        """Give an account another username.

        Raises:
            NoSuchUserError: the account no longer exists.
            UserExistsError: the username is taken.
            ValueError: the username is not valid.
        """
        if username.strip() == user.username:
            return user
        renamed = await self.renames.rename(user.username, username)
        actor.audit("user renamed", user=renamed.username, before=user.username, user_subject=user.subject)
        return renamed

    async def set_name(self, actor: Actor, user: User, name: str | None) -> User:
        """Set or remove the display name.

        Raises:
            NoSuchUserError: the account no longer exists.
            ValueError: the name is not valid.
        """
        display_name = checked_name(name)
        changed = await self.accounts.users.change(user, lambda account: replace(account, name=display_name))
        actor.audit("user name changed", user=user.username, user_subject=user.subject)
        return changed

    async def set_email(self, actor: Actor, user: User, address: str | None) -> User:
        """Set or remove the address; the administrator vouches that it is the person's.

        Raises:
            NoSuchUserError: the account no longer exists.
            ValueError: it is not an address, or another account has it.
        """
        changed = await self.accounts.set_email(user, address)
        actor.audit("user email changed", user=user.username, user_subject=user.subject)
        return changed

    async def set_administrator(self, actor: Actor, user: User, administrator: bool) -> User:
        """Make the person an administrator, or an ordinary user again.

        Raises:
            NoSuchUserError: the account no longer exists.
            OwnAccountError: the actor would no longer be an administrator.
        """
        if not administrator:
            _refuse_own(actor, user, Text("you cannot take your own rights away"))
        change = self.accounts.connected.promote if administrator else self.accounts.demote
        changed = await change(user)
        action = "user promoted" if administrator else "user demoted"
        actor.audit(action, user=user.username, user_subject=user.subject)
        return changed

    async def disable(self, actor: Actor, user: User) -> User:
        """Disable an account, and end its sessions and grants.

        Raises:
            NoSuchUserError: the account no longer exists.
            OwnAccountError: it is the actor's own.
        """
        _refuse_own(actor, user, Text("you cannot disable yourself"))
        changed = await self.accounts.disable(user)
        actor.audit("user disabled", user=user.username, user_subject=user.subject)
        return changed

    async def enable(self, actor: Actor, user: User) -> User:
        """Enable a disabled account.

        Raises:
            NoSuchUserError: the account no longer exists.
        """
        changed = await self.accounts.enable(user)
        actor.audit("user enabled", user=user.username, user_subject=user.subject)
        return changed

    async def delete(self, actor: Actor, user: User) -> None:
        """Delete an account with its sessions and grants.

        Raises:
            NoSuchUserError: the account no longer exists.
            OwnAccountError: it is the actor's own.
        """
        _refuse_own(actor, user, Text("you cannot delete yourself here"))
        await self.accounts.delete(user)
        actor.audit("user deleted", user=user.username, deleted=user.subject)

    async def reset_factors(self, actor: Actor, user: User) -> bool:
        """Remove the second factors that a person has lost; return whether there were any.

        Raises:
            OwnAccountError: it is the actor's own account, whose page requires the second factor for that.
        """
        _refuse_own(actor, user, Text("remove your own under Login methods"))
        removed = await self.accounts.reset_factors(user)
        if removed:
            actor.audit("second factors removed", user=user.username, user_subject=user.subject)
        return removed


def checked_name(name: str | None) -> str | None:
    """Return a display name, without spaces around it; None if it is empty.

    Raises:
        ValueError: it is too long, or not one line of text.
    """
    stripped = (name or "").strip()
    if len(stripped) > MAX_NAME_CHARACTERS or not stripped.isprintable():
        raise ValueError(
            Text("a name is one line of at most %(count)s characters", count=MAX_NAME_CHARACTERS)
        )
    return stripped or None


def _refuse_own(actor: Actor, user: User, description: str) -> None:
    if user.subject == actor.subject:
        raise OwnAccountError(description)
