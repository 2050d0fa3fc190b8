"""Accounts that get another username: the subject and everything that belongs to it stay (ID-7)."""

from __future__ import annotations

import asyncio

import pytest

from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.accounts.renaming import AccountRenames
from auth_service.grants.repository import GrantRepository
from auth_service.users.renaming import UserRenames
from auth_service.users.repository import NoSuchUserError, UserExistsError
from shared.clock import system_clock
from shared.storage.interface import Store
from tests.auth_service.service import AuthorizationServer, nobodys

pytestmark = pytest.mark.requirement("ID-7")

PASSWORD = "quiet copper lantern"


class Here:
    """The accounts on one store."""

    def __init__(self, store: Store) -> None:
        self.accounts = AccountLifecycle.of_store(store, system_clock)
        self.users = self.accounts.users
        self.renames = UserRenames(store, self.users)


@pytest.fixture
def here(store: Store) -> Here:
    return Here(store)


@pytest.mark.anyio
async def test_the_account_is_the_same_under_its_new_name_and_the_old_one_is_free(here: Here) -> None:
    ada = await here.users.set_email(await here.accounts.create("ada", PASSWORD), "ada@corp.example")
    renamed = await here.renames.rename("ada", "Lovelace")
    assert (renamed.subject, renamed.username, renamed.is_account) == (ada.subject, "Lovelace", True)
    assert await here.users.authenticate("lovelace", PASSWORD) == renamed
    assert await here.users.authenticate("ada", PASSWORD) is None
    assert (
        await here.users.by_subject(ada.subject) == await here.users.by_email("ada@corp.example") == renamed
    )
    assert await here.users.usernames() == ["lovelace"]
    assert (await here.accounts.create("ada", PASSWORD)).subject != ada.subject


@pytest.mark.anyio
async def test_a_name_of_somebody_else_is_refused_and_a_change_of_case_is_not(here: Here) -> None:
    await here.accounts.create("ada", PASSWORD)
    eve = await here.accounts.create("eve", PASSWORD)
    with pytest.raises(UserExistsError):
        await here.renames.rename("ada", "EVE")
    with pytest.raises(NoSuchUserError):
        await here.renames.rename("nobody", "somebody")
    assert await here.users.named("eve") == eve
    assert (await here.renames.rename("ada", "Ada")).username == "Ada"


@pytest.mark.anyio
async def test_a_change_at_the_same_time_is_not_lost(here: Here) -> None:
    for number in range(10):
        user = await here.accounts.create(f"ada{number}", PASSWORD)
        await asyncio.gather(
            here.renames.rename(f"ada{number}", f"eve{number}"), here.users.set_disabled(user, True)
        )
        renamed = await here.users.named(f"eve{number}")
        assert (renamed.subject, renamed.disabled) == (user.subject, True)


def test_sessions_and_connections_stay_and_servers_are_told_the_new_name(server: AuthorizationServer) -> None:
    old, new = nobodys("ada"), nobodys("eve")
    person = server.add_user(old, PASSWORD)
    token = server.register().connect(person)["access_token"]
    before = server.introspect(token)

    async def rename(store: Store) -> None:
        accounts = AccountLifecycle.of_store(store, server.clock)
        renames = AccountRenames(
            users=UserRenames(store, accounts.users),
            grants=GrantRepository(store, server.clock),
            changes=accounts.connected.changes,
        )
        await renames.rename(old, new)

    server.with_store(rename)
    after = server.introspect(token)
    assert (after["active"], after["sub"], after["username"]) == (True, before["sub"], new)
    assert person.open(f"{server.origin}/account").url.path == "/account"
    person.close()
