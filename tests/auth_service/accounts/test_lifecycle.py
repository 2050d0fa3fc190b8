"""Account changes apply to the account that was looked up, even if another now has its username (ID-7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.users.repository import NoSuchUserError, User
from shared.clock import system_clock
from shared.storage.interface import Store

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-7", "SEC-16")]

PASSWORD, OTHER = "quiet copper lantern", "seven moss harbours"

CHANGES: dict[str, Callable[[AccountLifecycle, User], Awaitable[User]]] = {
    "disable": lambda accounts, user: accounts.disable(user),
    "enable": lambda accounts, user: accounts.enable(user),
    "delete": lambda accounts, user: accounts.delete(user),
    "set the password": lambda accounts, user: accounts.set_password(user, OTHER),
    "promote": lambda accounts, user: accounts.users.set_admin(user, True),
    "set the address": lambda accounts, user: accounts.users.set_email(user, "ada@corp.example"),
}


@pytest.fixture
def accounts(store: Store) -> AccountLifecycle:
    return AccountLifecycle.of_store(store, system_clock)


@pytest.mark.parametrize("change", CHANGES)
async def test_no_change_reaches_the_next_owner_of_the_username(
    accounts: AccountLifecycle, change: str
) -> None:
    looked_up = await accounts.create("ada", PASSWORD)
    await accounts.delete(looked_up)
    successor = await accounts.create("ada", PASSWORD)
    with pytest.raises(NoSuchUserError):
        await CHANGES[change](accounts, looked_up)
    assert await accounts.users.named("ada") == successor
    assert await accounts.users.by_email("ada@corp.example") is None


async def test_a_deletion_that_is_repeated_leaves_the_next_owner_of_the_username(
    accounts: AccountLifecycle,
) -> None:
    looked_up = await accounts.create("ada", PASSWORD)
    await accounts.users.delete(looked_up)
    successor = await accounts.create("ada", PASSWORD)
    await accounts.users.delete(looked_up)
    assert await accounts.users.named("ada") == successor
    assert await accounts.users.by_subject(successor.subject) == successor


async def test_no_change_reaches_an_account_that_got_the_username_just_before_the_write(
    accounts: AccountLifecycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = await accounts.create("ada", PASSWORD)
    users, find = accounts.users, accounts.users._find  # noqa: SLF001 -- the moment between read and write

    async def replaced_after(subject: str) -> tuple[str, User] | None:
        user = await find(subject)
        monkeypatch.setattr(users, "_find", find)
        await accounts.delete(looked_up)
        await accounts.create("ada", PASSWORD)
        return user

    monkeypatch.setattr(users, "_find", replaced_after)
    with pytest.raises(NoSuchUserError):
        await users.set_admin(looked_up, True)
    assert not (await users.named("ada")).admin
