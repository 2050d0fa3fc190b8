"""User accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from auth_service.crypto.passwords import Passwords, is_outdated
from auth_service.crypto.secrets import new_id
from auth_service.protocol.email_addresses import required
from auth_service.protocol.id_token import Person
from auth_service.protocol.usernames import canonical
from auth_service.storage import keys
from auth_service.users.emails import EmailAddresses
from shared.clock import Clock, system_clock
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import READ_OFTEN, JsonCodec
from shared.texts import Text


class UserExistsError(Exception):
    """The username is taken."""


class PasswordReplacedError(Exception):
    """Somebody else has replaced the password in the meantime."""


class NoSuchUserError(Exception):
    """No account has that username."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user account.

    Attributes:
        subject: the `sub` of tokens: opaque, never reused, unchanged for the lifetime of the account.
        username: as typed when the account was created.
        created_at: seconds since 1970.
        password_hash: empty if the person logs in only through an identity provider.
        admin: whether the account may use the console.
        consent_epoch: counts how often the remembered consents were forgotten.
        spared_session: the session whose consents were not forgotten the last time, if any.
        email: an address that the operator set, or an identity provider that may link accounts verified.
        accepts_links: whether an identity may be connected by the e-mail address, without a question.
        link: the digest of the link by which the person may set the password; None without one.
        link_expires_at: seconds since 1970.
        invited: whether the person has not set a first password yet.
        moved_to: the canonical username under which the account is stored since it was renamed; a document
            with this is no longer an account.
        reserved: the username is taken for an account that is being renamed; not an account yet.
        provider_username: the username that an identity provider suggested for the new account; empty if the
            operator chose it, None if that was not recorded.
        unproven_email: an address that nobody has proven to be this person's; it decides nothing.
        imported_hash: the digest of the password hash that an import set, or would have set.
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
    accepts_links: bool = True
    link: str | None = None
    link_expires_at: int = 0
    invited: bool = False
    moved_to: str | None = None
    reserved: bool = False
    provider_username: str | None = None
    unproven_email: str | None = None
    imported_hash: str | None = None

    def remembers_consent(self, epoch: int, session_id: str | None) -> bool:
        """Whether a consent is still valid that was given in session `session_id`, begun in `epoch`."""
        spared = session_id is not None and session_id == self.spared_session
        return spared or epoch == self.consent_epoch

    def without_consents(self, *, but_session: str | None = None) -> User:
        """Return the account without its remembered consents, except those given in `but_session`.

        A consent has the epoch in which its session began. A consent stored concurrently in a session that
        ends is therefore not valid either.
        """
        return replace(self, consent_epoch=self.consent_epoch + 1, spared_session=but_session)

    @property
    def person(self) -> Person:
        """Return the user as the `Person` of the protocol."""
        return Person(self.username, self.name)

    @property
    def is_account(self) -> bool:
        """Whether the document is an account, and not the trace of a rename."""
        return self.moved_to is None and not self.reserved


@dataclass(frozen=True, slots=True)
class SubjectEntry:
    """The entry from a subject to the canonical username of its account."""

    username: str


class UserRepository:
    """The accounts in the store."""

    def __init__(self, store: Store, passwords: Passwords, clock: Clock = system_clock) -> None:
        self._store = store
        self._passwords = passwords
        self._clock = clock
        self._users = Collection(store, keys.user, JsonCodec(User, remembered=READ_OFTEN), lambda _: None)
        self._subjects = Collection(
            store, keys.subject, JsonCodec(SubjectEntry, remembered=READ_OFTEN), lambda _: None
        )
        self._emails = EmailAddresses(store)

    async def add(
        self,
        username: str,
        password: str,
        name: str | None = None,
        *,
        admin: bool = False,
        subject: str | None = None,
    ) -> User:
        """Create an account.

        Raises:
            UserExistsError: the username is taken.
            ValueError: the username or the password is not valid.
        """
        canonical(username)
        hashed = await self._passwords.hash_password(password)
        user = User(
            subject=subject or new_id(),
            username=username.strip(),
            password_hash=hashed,
            created_at=int(self._clock()),
            name=name,
            admin=admin,
            provider_username="",
        )
        return await self.add_new(user)

    async def add_new(self, user: User) -> User:
        """Store a new account as it is.

        Raises:
            UserExistsError: the username is taken.
            ValueError: the username is not valid.
        """
        key = canonical(user.username)
        # The subject entry is stored first: an account that can log in must be findable by its subject.
        await self._subjects.create(user.subject, SubjectEntry(key))
        if not await self._users.create(key, user):
            existing = await self._users.get(key)
            if existing is None or existing.subject != user.subject:
                await self._subjects.delete(user.subject)  # otherwise a repetition has created it
            raise UserExistsError(key)
        await self._store.index_add(keys.users(), key, ttl_s=None)
        return user

    async def add_federated(
        self, subject: str, username: str, *, name: str | None, email: str | None
    ) -> User | None:
        """Create an account without a password, for a subject that an identity already refers to.

        Safe to repeat after an interruption: an existing account of that subject is returned.

        Returns:
            None if another account has the username.
        """
        key = canonical(username)
        user = User(
            subject=subject,
            username=username,
            password_hash="",
            created_at=int(self._clock()),
            name=name,
            email=email,
            provider_username=username,
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
        """Return the account with that username, if it exists."""
        try:
            user = await self._users.get(canonical(username))
        except ValueError:
            return None
        return user if user and user.is_account else None

    async def named(self, username: str) -> User:
        """Return the account with that username.

        Raises:
            NoSuchUserError: the account does not exist.
        """
        user = await self.get(username)
        if user is None:
            raise NoSuchUserError(username)
        return user

    async def by_subject(self, subject: str) -> User | None:
        """Return the account with that `subject`, if it exists."""
        entry = await self._find(subject)
        return entry[1] if entry else None

    async def by_email(self, address: str) -> User | None:
        """Return the account with a normalized e-mail address, if it exists."""
        username = await self._emails.owner(address)
        user = await self._users.get(username) if username else None
        # An interrupted deletion can leave the entry behind, and the username may have a new owner since.
        return user if user and user.is_account and user.email == address else None

    async def set_email(self, account: User, address: str | None) -> User:
        """Set or remove the e-mail address of an account; the address must be proven.

        Raises:
            NoSuchUserError: the account no longer exists.
            ValueError: the address cannot be normalized, or another account has it.
        """
        email = required(address) if address else None
        entry = await self._find(account.subject)
        if entry is None:
            raise NoSuchUserError(account.username)
        key, user = entry
        if email and not await self._emails.claim(email, key):
            raise ValueError(Text("another account has that e-mail address"))
        if user.email and user.email != email:
            await self._emails.release(user.email, key)

        def change(user: User) -> User:
            unproven = user.unproven_email if user.unproven_email != email else None
            return replace(user, email=email, unproven_email=unproven)

        return await self.change(account, change)

    async def usernames(self) -> list[str]:
        """Return the canonical usernames of all accounts."""
        return await self._store.index_list(keys.users())

    async def get_many(self, usernames: Iterable[str]) -> list[User]:
        """Return the accounts with those usernames."""
        return [user for user in await self._users.get_many(usernames) if user.is_account]

    async def list(self) -> list[User]:
        """Return all accounts, by username."""
        return await self.get_many(await self.usernames())

    async def authenticate(self, username: str, password: str) -> User | None:
        """Return the account if it is enabled and the password correct, in the same time if it is missing."""
        user = await self.get(username)
        good = await self._passwords.verify_password(password, user.password_hash if user else None)
        if user is None or not good or user.disabled:
            return None
        return await self._with_current_hash(user, password) if is_outdated(user.password_hash) else user

    async def _with_current_hash(self, user: User, password: str) -> User | None:
        """Replace an imported hash, now that its password is known; the account, if it still has it."""
        hashed = await self._passwords.hash_password(password)

        def change(current: User) -> User:
            same = current.password_hash == user.password_hash
            return replace(current, password_hash=hashed) if same else current

        changed = await self.change(user, change)
        if changed.password_hash == hashed:
            return changed
        # Replaced in the meantime: by a concurrent login, or by another password.
        return await self.authenticate(changed.username, password)

    async def may_still_log_in(self, user: User) -> bool:
        """Whether the account is still enabled and has the password that has just authenticated `user`."""
        now = await self.by_subject(user.subject)
        if now is None or (now.password_hash, now.disabled) != (user.password_hash, False):
            return False
        # A promotion ends the privileges of the account's links before it looks for sessions.
        return user.admin or not now.admin

    async def set_disabled(self, account: User, disabled: bool) -> User:
        """Disable or enable an account. `AccountLifecycle.disable` also ends its sessions and grants.

        Disabling also forgets the remembered consents.

        Raises:
            NoSuchUserError: the account no longer exists.
        """

        def change(user: User) -> User:
            without = replace(user.without_consents(), link=None) if disabled else user
            return replace(without, disabled=disabled)

        return await self.change(account, change)

    async def set_admin(self, account: User, admin: bool) -> User:
        """Grant or withdraw access to the console, from the account's next request on.

        Raises:
            NoSuchUserError: the account no longer exists.
        """
        return await self.change(account, lambda user: replace(user, admin=admin))

    async def set_password(
        self,
        account: User,
        password: str,
        *,
        only_unchanged: bool = False,
        require: Callable[[User], None] = lambda _: None,
        keep_consents: bool = False,
        but_session: str | None = None,
    ) -> User:
        """Replace the password and forget the remembered consents in the same write.

        Args:
            keep_consents: forget no consents.
            but_session: the id of a session whose consents are not forgotten.
            require: raises if the account may not be changed; called with the stored account.
            only_unchanged: the password must still be that of `account`, as it was authenticated.

        Raises:
            NoSuchUserError: the account no longer exists.
            PasswordReplacedError: the password has changed since `account` was read.
            ValueError: the password is not valid.
        """
        hashed = await self._passwords.hash_password(password)

        def change(user: User) -> User:
            if only_unchanged and user.password_hash != account.password_hash:
                raise PasswordReplacedError(account.username)
            require(user)
            changed = user if keep_consents else user.without_consents(but_session=but_session)
            return replace(changed, password_hash=hashed, link=None, invited=False)

        return await self.change(account, change)

    async def delete(self, account: User) -> None:
        """Delete a disabled account. Its username may be used again, its subject never."""
        entry = await self._find(account.subject)
        if entry is not None:
            key, current = entry
            await self._users.delete(key)
            await self._store.index_remove(keys.users(), key)
            if current.email:
                await self._emails.release(current.email, key)
        await self._subjects.delete(account.subject)

    async def change(self, account: User, change: Callable[[User], User]) -> User:
        """Change an account, even if it was renamed; never another account that has its username now.

        Args:
            change: pure; see `Collection.update`.

        Raises:
            NoSuchUserError: the account no longer exists.
        """

        def rule(user: User) -> tuple[User | None, User | None]:
            if user.subject != account.subject or user.moved_to is not None:
                return None, None
            changed = change(user)
            return changed, changed

        while entry := await self._find(account.subject):
            changed = await self._users.update(entry[0], rule)
            if changed is not None:
                return changed  # otherwise it was renamed or deleted in the meantime
        raise NoSuchUserError(account.username)

    async def _find(self, subject: str) -> tuple[str, User] | None:
        """Return an account, and the canonical username under which it is stored."""
        entry = await self._subjects.get(subject)
        key = entry.username if entry else None
        while key is not None:
            user = await self._users.get(key)
            if user is None or user.subject != subject:
                return None
            if user.moved_to is None:
                return key, user
            key = user.moved_to
        return None
