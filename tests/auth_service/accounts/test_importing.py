"""Accounts imported from a file."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import bcrypt
import pytest

from auth_service.accounts.importing import AccountImport, AccountImportChange
from auth_service.protocol.account_file import InvalidAccountFileError
from shared.clock import system_clock
from shared.storage.interface import Store

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-8")]

PASSWORD, OTHER = "quiet copper lantern", "seven moss harbours"
BCRYPT = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
FILE = (
    "username,name,email,email_verified,groups,admin,disabled,password_hash\n"
    f"ada,Ada,ada@corp.example,true,ops;dev,true,,{BCRYPT}\n"
    "eve,,eve@corp.example,,ops,,true,\n"
    "root@corp.example,,,,ops,,,\n"
)
HEADER = "username,email,email_verified,groups,admin,password_hash"


class Importing:
    """Imports on one store."""

    def __init__(self, store: Store) -> None:
        self.api = AccountImport.of_store(store, system_clock)
        self.accounts = self.api.accounts
        self.users = self.accounts.users

    async def plan(self, text: str, *, update: bool = False) -> list[AccountImportChange]:
        return await self.api.plan(text.encode(), update=update)

    async def __call__(self, text: str, *, update: bool = False) -> int:
        changes = await self.plan(text, update=update)
        await self.api.apply(changes)
        return len(changes)

    async def refused(self, text: str, *, update: bool = False) -> str:
        before = await self.users.list()
        with pytest.raises(InvalidAccountFileError) as refused:
            await self(text, update=update)
        assert await self.users.list() == before
        return str(refused.value)


@pytest.fixture
def importing(store: Store) -> Importing:
    return Importing(store)


async def test_accounts_are_as_the_file_says_and_only_a_verified_address_is_theirs(
    importing: Importing,
) -> None:
    assert await importing(FILE) == 3
    ada, eve = await importing.users.named("ada"), await importing.users.named("eve")
    assert (ada.name, ada.email, ada.admin, ada.disabled) == ("Ada", "ada@corp.example", True, False)
    assert await importing.users.by_email("ada@corp.example") == ada
    assert (eve.email, eve.unproven_email, eve.disabled) == (None, "eve@corp.example", True)
    assert await importing.users.by_email("eve@corp.example") is None
    root = await importing.users.named("root@corp.example")
    # Named as an e-mail address, the membership would belong to the person with that address.
    assert set(await importing.api.groups.members("ops")) == {"ada", "eve", f"subject:{root.subject}"}
    assert await importing.api.groups.of(["ada"]) == {"ops", "dev"}


async def test_the_same_file_twice_changes_nothing_even_after_a_login_and_a_new_password(
    importing: Importing,
) -> None:
    await importing(FILE)
    assert await importing(FILE) == 0
    assert await importing.users.authenticate("ada", PASSWORD)
    assert await importing(FILE) == 0
    await importing.accounts.set_password(await importing.users.named("ada"), OTHER)
    assert await importing(FILE, update=True) == 0
    assert await importing.users.authenticate("ada", OTHER)


async def test_a_bcrypt_hash_is_replaced_by_argon2id_at_the_first_login_also_of_two_at_once(
    importing: Importing,
) -> None:
    await importing(FILE)
    assert await importing.users.authenticate("ada", OTHER) is None
    assert (await importing.users.named("ada")).password_hash == BCRYPT
    first, second = await asyncio.gather(*(importing.users.authenticate("ada", PASSWORD) for _ in range(2)))
    assert first == second == await importing.users.named("ada")
    assert first
    assert first.password_hash.startswith("$argon2id$")
    assert await importing.users.may_still_log_in(first)
    assert await importing.users.authenticate("ada", PASSWORD) == first
    assert await importing.users.authenticate("ada", OTHER) is None


async def test_an_existing_account_is_changed_only_where_that_was_requested(importing: Importing) -> None:
    ada = await importing.accounts.create("Ada", OTHER)
    assert "line 2: ada exists already, and differs" in await importing.refused(FILE)
    assert await importing(FILE, update=True) == 3
    changed = await importing.users.named("ada")
    assert (changed.subject, changed.username, changed.admin) == (ada.subject, "Ada", True)
    assert await importing.users.authenticate("ada", PASSWORD)
    assert await importing(FILE) == 0


async def test_an_interrupted_import_is_completed_by_an_update(importing: Importing) -> None:
    # As if the process had ended before the address and the groups were stored.
    await importing(f"username,name,password_hash\nada,Ada,{BCRYPT}\n")
    assert await importing(FILE, update=True) == 3
    assert await importing(FILE) == 0
    assert await importing.api.groups.of(["ada"]) == {"ops", "dev"}


async def test_an_address_of_another_account_is_refused_unless_it_is_not_verified(
    importing: Importing,
) -> None:
    bob = await importing.accounts.create("bob", OTHER)
    bob = await importing.users.set_email(bob, "bob@corp.example")
    line = "username,email,email_verified\neve,bob@corp.example,"
    assert "line 2: bob has the address bob@corp.example" in await importing.refused(f"{line}true")
    await importing(f"{line}false")
    assert await importing.users.by_email("bob@corp.example") == bob


async def test_an_import_after_which_nobody_could_administer_is_refused(importing: Importing) -> None:
    await importing.accounts.create("ada", OTHER, admin=True)
    for column in ("disabled\nada,true", "admin\nada,false"):
        refused = await importing.refused(f"username,{column}", update=True)
        assert "no administrator would remain" in refused
    await importing("username,admin\nada,false\neve,true", update=True)
    assert not (await importing.users.named("ada")).admin


async def test_a_plan_says_nothing_of_hashes(importing: Importing) -> None:
    [ada, *_] = await importing.plan(FILE)
    assert "password" in ada.details
    assert BCRYPT not in repr(ada.details)


@pytest.mark.requirement("ID-4")
@pytest.mark.parametrize("recorded", [True, False])
async def test_an_account_whose_username_a_provider_suggested_is_another_persons(
    importing: Importing, recorded: bool
) -> None:
    user = await importing.users.add_federated("mallory", "ada", name=None, email="mallory@corp.example")
    assert user
    await importing.users.change(
        user, lambda stored: replace(stored, provider_username="ada" if recorded else None)
    )
    for line in ("ada,,,ops,,", "Ada,,,,true,", f"ada,,,,,{BCRYPT}", "ada,ada@corp.example,true,ops,,"):
        problem = await importing.refused(f"{HEADER}\n{line}\n", update=True)
        assert "line 2: an identity provider suggested the username ada" in problem
    text = f"{HEADER}\nada,mallory@corp.example,true,ops,,\n"
    assert await importing(text, update=True) == 1, "the address proves that it is the same person"
    assert await importing.api.groups.members("ops") == ["subject:mallory"]
    assert await importing(text, update=True) == 0
