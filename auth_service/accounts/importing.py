"""Imports accounts from a file, for the command and the admin API: first checked as a whole (ID-8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from auth_service.access.control import suggested_username
from auth_service.access.groups import MAX_GROUPS, MAX_GROUPS_OF_MEMBER, MAX_MEMBERS, Groups
from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.crypto.passwords import is_password_hash
from auth_service.crypto.secrets import digest, new_id
from auth_service.protocol.access import is_username
from auth_service.protocol.account_file import ImportedAccount, InvalidAccountFileError, parse_accounts
from auth_service.protocol.usernames import canonical
from auth_service.users.repository import User
from shared.clock import Clock
from shared.logs import get_logger
from shared.storage.interface import Store

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class AccountImportChange:
    """The change that the import makes for one line.

    Attributes:
        account: the account that changes, as it is; None if it is added.
        groups: the groups that the person joins.
        details: the changes, one sentence each, without secrets.
    """

    line: ImportedAccount
    account: User | None
    groups: tuple[str, ...]
    details: tuple[str, ...]

    @property
    def action(self) -> Literal["add", "change"]:
        """The change to the account."""
        return "change" if self.account else "add"


@dataclass(frozen=True, kw_only=True)
class AccountImport:
    """Plans an import and applies it. The same file twice changes nothing."""

    accounts: AccountLifecycle
    groups: Groups
    clock: Clock

    @classmethod
    def of_store(cls, store: Store, clock: Clock) -> AccountImport:
        """Return the import into the accounts of `store`."""
        accounts = AccountLifecycle.of_store(store, clock)
        return cls(accounts=accounts, groups=Groups(store, accounts.connected.changes), clock=clock)

    async def plan(self, content: bytes, *, update: bool) -> list[AccountImportChange]:
        """Return the changes that importing a file makes; nothing is written.

        Args:
            content: see `parse_accounts`.
            update: whether accounts that exist already may be changed.

        Raises:
            InvalidAccountFileError: the file is not valid, or does not fit the accounts there are.
        """
        lines = parse_accounts(content, is_password_hash)
        users = {canonical(user.username): user for user in await self.accounts.users.list()}
        problems = list(_taken_addresses(lines, users))
        changes: list[AccountImportChange] = []
        for line in lines:
            change = await self._planned(line, users.get(canonical(line.username)), problems)
            if change is not None:
                changes.append(change)
        if not update:
            problems += [_exists(change) for change in changes if change.account is not None]
        problems += await self._full_groups(changes)
        problems += _without_administrator(changes, users)
        if problems:
            raise InvalidAccountFileError(*problems)
        return changes

    async def apply(self, changes: Sequence[AccountImportChange]) -> None:
        """Make the changes, one account after the other. To complete an interrupted import, repeat it.

        Raises:
            NoSuchUserError, UserExistsError, ValueError: somebody else has made changes meanwhile.
        """
        for change in changes:
            await self.apply_one(change)

    async def apply_one(self, change: AccountImportChange) -> None:
        """Make one change; raises as `apply`."""
        if change.account is None:
            account = await self._add(change.line)
        else:
            account = change.account
            await self._change(account, change.line)
        for group in change.groups:
            await self.groups.add(group, _member_name(account))
        _log.info("account imported", username=account.username, action=change.action, line=change.line.line)

    async def _planned(
        self, line: ImportedAccount, user: User | None, problems: list[str]
    ) -> AccountImportChange | None:
        if user is None:
            details, groups = tuple(_differences(line, _EMPTY)), line.groups
        else:
            held = await self.groups.of(_names(user)) if line.groups else frozenset()
            details, groups = tuple(_differences(line, user)), line.groups - held
            if len(groups | held) > MAX_GROUPS_OF_MEMBER:
                problems.append(
                    f"line {line.line}: {user.username} would be in more than {MAX_GROUPS_OF_MEMBER} groups"
                )
        if user is not None and not details and not groups:
            return None
        if user is not None and not await self._is_the_persons(user, line):
            problems.append(
                f"line {line.line}: an identity provider suggested the username {user.username}, so the"
                " account may be another person's; rename it, or state its address with email_verified"
            )
        joined = tuple(f"group: {group}" for group in sorted(groups))
        return AccountImportChange(
            line=line, account=user, groups=tuple(sorted(groups)), details=(*details, *joined)
        )

    async def _is_the_persons(self, user: User, line: ImportedAccount) -> bool:
        # Somebody may have chosen the username at the provider, to get what the file gives to it.
        suggested = suggested_username(user, await self.accounts.connected.of(user))
        chosen_here = canonical(user.username) != (canonical(suggested) if suggested else "")
        return chosen_here or (line.email_verified and line.email is not None and line.email == user.email)

    async def _full_groups(self, changes: Sequence[AccountImportChange]) -> list[str]:
        joining: dict[str, int] = {}
        for change in changes:
            for group in change.groups:
                joining[group] = joining.get(group, 0) + 1
        problems = [
            f"the group {group} would have more than {MAX_MEMBERS} members"
            for group, count in joining.items()
            if len(await self.groups.members(group)) + count > MAX_MEMBERS
        ]
        if len(joining.keys() | set(await self.groups.names())) > MAX_GROUPS:
            problems.append(f"there would be more than {MAX_GROUPS} groups")
        return problems

    async def _add(self, line: ImportedAccount) -> User:
        email = line.email if line.email_verified else None
        user = User(
            subject=new_id(),
            username=line.username,
            password_hash=line.password_hash or "",
            created_at=int(self.clock()),
            name=line.name,
            disabled=bool(line.disabled),
            admin=bool(line.admin),
            provider_username="",
            unproven_email=None if line.email_verified else line.email,
            imported_hash=digest(line.password_hash) if line.password_hash else None,
        )
        user = await self.accounts.users.add_new(user)
        return await self.accounts.users.set_email(user, email) if email else user

    async def _change(self, account: User, line: ImportedAccount) -> None:
        """Apply what takes rights away first: an interrupted change must not leave more of them."""
        if line.disabled and not account.disabled:
            await self.accounts.disable(account)
        if line.admin is False and account.admin:
            await self.accounts.demote(account)
        if _is_other_hash(line, account):
            await self.accounts.replace_password_hash(account, line.password_hash or "")
        if line.email and line.email_verified:
            await self.accounts.set_email(account, line.email)
        await self.accounts.users.change(account, lambda user: _with_values(user, line))
        if line.admin and not account.admin:
            await self.accounts.connected.promote(account)
        if line.disabled is False and account.disabled:
            await self.accounts.enable(account)


_EMPTY = User(subject="", username="", password_hash="", created_at=0)


def _differences(line: ImportedAccount, user: User) -> Iterator[str]:
    if line.name and line.name != user.name:
        yield f"name: {line.name}"
    if line.email and line.email != user.email:
        if line.email_verified:
            yield f"email: {line.email}"
        elif line.email != user.unproven_email:
            yield f"unproven email: {line.email}"
    if line.admin is not None and line.admin != user.admin:
        yield "administrator" if line.admin else "not an administrator"
    if line.disabled is not None and line.disabled != user.disabled:
        yield "disabled" if line.disabled else "enabled"
    if _is_other_hash(line, user):
        yield "password; sessions and connections end" if user is not _EMPTY else "password"


def _is_other_hash(line: ImportedAccount, user: User) -> bool:
    """Whether the file has another password than at the last import: a later one of the person's stays."""
    if not line.password_hash:
        return False
    return line.password_hash != user.password_hash and digest(line.password_hash) != user.imported_hash


def _with_values(user: User, line: ImportedAccount) -> User:
    changed = replace(user, name=line.name or user.name)
    if line.password_hash:
        changed = replace(changed, imported_hash=digest(line.password_hash))
    if line.email and not line.email_verified and line.email != user.email:
        changed = replace(changed, unproven_email=line.email)
    return changed


def _names(user: User) -> frozenset[str]:
    """Return the names by which the account is in local groups."""
    return frozenset({f"subject:{user.subject}", _member_name(user)})


def _member_name(user: User) -> str:
    # A username that a provider suggested, or that looks like another name, is not listed as a username.
    username = canonical(user.username)
    return username if user.provider_username == "" and is_username(username) else f"subject:{user.subject}"


def _exists(change: AccountImportChange) -> str:
    line = change.line
    return (
        f"line {line.line}: {line.username} exists already, and differs ({'; '.join(change.details)});"
        " an update must be allowed"
    )


def _taken_addresses(lines: Sequence[ImportedAccount], users: Mapping[str, User]) -> Iterator[str]:
    owners = {user.email: key for key, user in users.items() if user.email}
    for line in lines:
        if line.email and line.email_verified:
            owner = owners.get(line.email, canonical(line.username))
            if owner != canonical(line.username):
                yield f"line {line.line}: {users[owner].username} has the address {line.email}"


def _without_administrator(
    changes: Sequence[AccountImportChange], users: Mapping[str, User]
) -> Iterator[str]:
    """Refuse an import after which nobody could use the console."""
    before = {user.subject for user in users.values() if user.admin and not user.disabled}
    lost = {
        change.account.subject
        for change in changes
        if change.account and (change.line.disabled or change.line.admin is False)
    }
    gained = any(change.line.admin and not change.line.disabled for change in changes)
    if before and before <= lost and not gained:
        yield "no administrator would remain who can log in"
