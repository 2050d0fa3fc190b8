"""User accounts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from auth_service.crypto.passwords import Passwords
from auth_service.crypto.secrets import new_id
from auth_service.protocol.email_addresses import normalized
from auth_service.protocol.id_token import Person
from auth_service.storage import keys
from auth_service.storage.documents import Collection
from auth_service.storage.interface import Store
from auth_service.storage.json_codec import JsonCodec
from auth_service.users.emails import EmailAddresses
from shared.clock import Clock, system_clock

MAX_USERNAME = 128


class UserExistsError(Exception):
    """The username is taken."""


class PasswordReplacedError(Exception):
    """Somebody else has replaced the password meanwhile."""


class NoSuchUserError(Exception):
    """There is no user of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account.

    Attributes:
        subject: the `sub` of tokens: opaque, never reused, the same for as long as the account lives.
        username: as it was typed when the account was made.
        created_at: seconds since 1970.
        password_hash: empty for an account that is logged in to through an identity provider alone.
        admin: whether the console is open to them.
        consent_epoch: counts how often the remembered consents were forgotten.
        spared_session: the session whose consents the last of those times left, if any.
        email: an address that the operator gave, or that an identity provider has proven.
    """

    subject: str
    username: str
    password_hash: str
    created_at: int
    name: str | None = None
    disabled: bool = False
    admin: bool = False
    email: str | None = None
    consent_epoch: int = 0
    spared_session: str | None = None

    def remembers_consent(self, epoch: int, session_id: str | None) -> bool:
        """Whether a consent still counts that was given in the session `session_id`, begun in `epoch`."""
        spared = session_id is not None and session_id == self.spared_session
        return spared or epoch == self.consent_epoch

    def without_consents(self, *, but_session: str | None = None) -> User:
        """The account with its remembered consents forgotten, except those given in `but_session`.

        A consent has the epoch in which its session began, so that one which is written at the same moment
        in a session that ends does not count either.
        """
        return replace(self, consent_epoch=self.consent_epoch + 1, spared_session=but_session)

    @property
    def person(self) -> Person:
        """What there is to say about the user."""
        return Person(self.username, self.name)


@dataclass(frozen=True, slots=True)
class SubjectEntry:
    """From a subject to the username that its account is kept under."""

    username: str


def canonical(username: str) -> str:
    """The form under which two spellings are one account (after RFC 8265 §3.3, UsernameCaseMapped).

    Raises:
        ValueError: it is empty, too long, or holds spaces or controls.
    """
    typed = username.strip()
    # Before anything else is done with it: to normalize takes the square of the number of marks in a row.
    folded = unicodedata.normalize("NFKC", typed).casefold() if len(typed) <= MAX_USERNAME else ""
    if not 0 < len(folded) <= MAX_USERNAME:
        raise ValueError(f"a username has 1 to {MAX_USERNAME} characters")
    if any(unicodedata.category(character)[0] in "CZ" for character in folded):
        raise ValueError("a username holds no spaces and no control characters")
    return folded


class UserRepository:
    """The accounts in a store."""

    def __init__(self, store: Store, passwords: Passwords, clock: Clock = system_clock) -> None:
        self._store = store
        self._passwords = passwords
        self._clock = clock
        self._users = Collection(store, keys.user, JsonCodec(User), lambda _: None)
        self._subjects = Collection(store, keys.subject, JsonCodec(SubjectEntry), lambda _: None)
        self._emails = EmailAddresses(store)

    async def add(
        self, username: str, password: str, name: str | None = None, *, admin: bool = False
    ) -> User:
        """Make an account.

        Raises:
            UserExistsError: the username is taken.
            ValueError: the username or the password cannot be one.
        """
        key = canonical(username)
        hashed = await self._passwords.hash_password(password)
        user = User(
            subject=new_id(),
            username=username.strip(),
            password_hash=hashed,
            created_at=int(self._clock()),
            name=name,
            admin=admin,
        )
        # The way back from the subject first: an account that can log in must be findable by its subject.
        await self._subjects.create(user.subject, SubjectEntry(key))
        if not await self._users.create(key, user):
            await self._subjects.delete(user.subject)
            raise UserExistsError(key)
        await self._store.index_add(keys.users(), key, ttl_s=None)
        return user

    async def add_federated(
        self, subject: str, username: str, *, name: str | None, email: str | None
    ) -> User | None:
        """Make an account without a password, for a subject that an identity names already.

        Safe to repeat after an interruption: it returns the account of that subject where there is one.

        Returns:
            None where another has the username.
        """
        key = canonical(username)
        user = User(
            subject=subject,
            username=username,
            password_hash="",
            created_at=int(self._clock()),
            name=name,
            email=email,
        )
        if not await self._users.create(key, user):
            kept = await self._users.get(key)
            if kept is None or kept.subject != subject:
                return None
            user = kept
        await self._subjects.create(subject, SubjectEntry(key))
        await self._store.index_add(keys.users(), key, ttl_s=None)
        if email:
            await self._emails.claim(email, key)
        return user

    async def get(self, username: str) -> User | None:
        """The account of that name, if there is one."""
        try:
            return await self._users.get(canonical(username))
        except ValueError:
            return None

    async def by_subject(self, subject: str) -> User | None:
        """The account that `subject` names, if there is one."""
        entry = await self._subjects.get(subject)
        user = await self._users.get(entry.username) if entry else None
        return user if user and user.subject == subject else None

    async def by_email(self, address: str) -> User | None:
        """The account that has a normalized e-mail address, if there is one."""
        username = await self._emails.owner(address)
        return await self._users.get(username) if username else None

    async def set_email(self, username: str, address: str | None) -> User:
        """Give an account an e-mail address that is known to be its owner's, or none.

        Raises:
            NoSuchUserError: there is no such account.
            ValueError: it is no address that can be compared, or another account has it.
        """
        email = normalized(address) if address else None
        user = await self.get(username)
        if user is None:
            raise NoSuchUserError(username)
        key = canonical(username)
        if address and email is None:
            raise ValueError("that is no e-mail address in plain ASCII")
        if email and not await self._emails.claim(email, key):
            raise ValueError("another account has that e-mail address")
        if user.email and user.email != email:
            await self._emails.release(user.email, key)
        return await self._change(username, lambda user: replace(user, email=email))

    async def usernames(self) -> list[str]:
        """The names of all accounts, in the form they are compared in."""
        return await self._store.index_list(keys.users())

    async def get_many(self, usernames: Iterable[str]) -> list[User]:
        """The accounts of those names."""
        return await self._users.get_many(usernames)

    async def list(self) -> list[User]:
        """All accounts, by username."""
        return await self.get_many(await self.usernames())

    async def authenticate(self, username: str, password: str) -> User | None:
        """The account, if the password is its own and it is not disabled; takes as long if there is none."""
        user = await self.get(username)
        good = await self._passwords.verify_password(password, user.password_hash if user else None)
        return user if user and good and not user.disabled else None

    async def may_still_log_in(self, user: User) -> bool:
        """Whether the password that `user` was just authenticated by would do so still."""
        now = await self.get(user.username)
        return now is not None and (now.subject, now.password_hash, now.disabled) == (
            user.subject,
            user.password_hash,
            False,
        )

    async def set_disabled(self, username: str, disabled: bool) -> User:
        """Lock an account out, or let it in again. What it has open is ended by `AccountLifecycle.disable`.

        Remembered consents are forgotten with the lockout.

        Raises:
            NoSuchUserError: there is no such account.
        """

        def change(user: User) -> User:
            return replace(user.without_consents() if disabled else user, disabled=disabled)

        return await self._change(username, change)

    async def set_admin(self, username: str, admin: bool) -> User:
        """Open the console to an account, or close it, from its next request on.

        Raises:
            NoSuchUserError: there is no such account.
        """
        return await self._change(username, lambda user: replace(user, admin=admin))

    async def set_password(
        self,
        username: str,
        password: str,
        *,
        replacing: User | None = None,
        keep_consents: bool = False,
        but_session: str | None = None,
    ) -> User:
        """Replace the password, and forget the remembered consents in the same write.

        Args:
            keep_consents: forget none.
            but_session: forget none that were given in the session of this id.
            replacing: the account as it was authenticated; its password must still be the same.

        Raises:
            NoSuchUserError: there is no such account.
            PasswordReplacedError: it has another password by now than `replacing`.
            ValueError: it cannot be a password.
        """
        hashed = await self._passwords.hash_password(password)

        def change(user: User) -> User:
            if replacing is not None and user.password_hash != replacing.password_hash:
                raise PasswordReplacedError(username)
            changed = user if keep_consents else user.without_consents(but_session=but_session)
            return replace(changed, password_hash=hashed)

        return await self._change(username, change)

    async def delete(self, user: User) -> None:
        """Delete a disabled account. Its subject is never given to another one; its username may be."""
        key = canonical(user.username)
        current = await self._users.get(key)
        if current is not None and current.subject == user.subject:
            await self._users.delete(key)
            await self._store.index_remove(keys.users(), key)
            if current.email:
                await self._emails.release(current.email, key)
        await self._subjects.delete(user.subject)

    async def _change(self, username: str, change: Callable[[User], User]) -> User:
        def rule(user: User) -> tuple[User, User]:
            changed = change(user)
            return changed, changed

        try:
            changed = await self._users.update(canonical(username), rule)
        except ValueError:
            changed = None
        if changed is None:
            raise NoSuchUserError(username)
        return changed
