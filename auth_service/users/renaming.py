"""Renames accounts. The subject stays, and two usernames never open the same account."""

from __future__ import annotations

from dataclasses import replace

from auth_service.protocol.usernames import canonical
from auth_service.storage import keys
from auth_service.users.emails import EmailAddresses
from auth_service.users.repository import NoSuchUserError, SubjectEntry, User, UserExistsError, UserRepository
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec


class UserRenames:
    """Moves accounts between usernames. A rename that was interrupted is completed by repeating it."""

    def __init__(self, store: Store, users: UserRepository) -> None:
        self._store = store
        self._repository = users
        self._users = Collection(store, keys.user, JsonCodec(User), lambda _: None)
        self._subjects = Collection(store, keys.subject, JsonCodec(SubjectEntry), lambda _: None)
        self._emails = EmailAddresses(store)

    async def rename(self, old: str, new: str) -> User:
        """Give the account with the username `old` the username `new`.

        Raises:
            NoSuchUserError: the account does not exist.
            UserExistsError: the username `new` is taken.
            ValueError: the username `new` is not valid.
        """
        source, target, username = canonical(old), canonical(new), new.strip()
        account = await self._users.get(source)
        if account is None or account.reserved or account.moved_to not in (None, target):
            raise NoSuchUserError(old)
        if source == target:
            return await self._repository.change(account, lambda user: replace(user, username=username))
        await self._reserve(target, username, account)
        await self._move(source, target, username)
        return await self._complete(source, target, account.subject)

    async def _reserve(self, target: str, username: str, account: User) -> None:
        reserved = replace(account, username=username, reserved=True, moved_to=None)
        if not await self._users.create(target, reserved):
            existing = await self._users.get(target)
            if existing is None or existing.subject != account.subject:
                raise UserExistsError(target)
        await self._store.index_add(keys.users(), target, ttl_s=None)

    async def _move(self, source: str, target: str, username: str) -> None:
        """Copy the account, then mark the old document as moved, unless it has changed since the copy."""
        while True:
            account = await self._users.get(source)
            if account is None or account.moved_to is not None:
                return
            copy = replace(account, username=username, reserved=True)
            await self._users.update(target, lambda _, copy=copy: (copy, None))  # type: ignore[misc]

            def mark(current: User, copied: User = account) -> tuple[User | None, bool]:
                if current != copied:
                    return None, False  # changed in the meantime: copy it again
                return replace(current, moved_to=target), True

            if await self._users.update(source, mark) is not False:
                return

    async def _complete(self, source: str, target: str, subject: str) -> User:
        # From here on the subject leads to the new document: see `UserRepository.change`.
        await self._users.update(target, lambda user: (replace(user, reserved=False), None))
        await self._subjects.update(subject, lambda _: (SubjectEntry(target), None))
        user = await self._users.get(target)
        if user is None:
            raise NoSuchUserError(target)
        if user.email:
            await self._emails.release(user.email, source)
            await self._emails.claim(user.email, target)
        await self._users.delete(source)
        await self._store.index_remove(keys.users(), source)
        return user
