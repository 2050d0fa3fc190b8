"""An address that a person enters has no effect before an administrator confirms it (ID-2, ID-7)."""

from __future__ import annotations

import pytest

from auth_service.access.components import AccessComponents
from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.accounts.own_email import NotThatAddressError, OwnEmail
from auth_service.federation.accounts import FederatedAccounts
from auth_service.federation.identities import IdentityRepository
from auth_service.protocol.access_document import parse_access
from auth_service.protocol.federated_identity import FederatedIdentity
from auth_service.users.repository import User
from shared.clock import system_clock
from shared.storage.interface import Store
from tests.auth_service.federation.people import ISSUER, PROVIDER

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-2", "ID-7")]

NOTES = "https://notes.example/mcp"
BOSS = "boss@corp.example"


class Here:
    """One store, with an access rule and a group that name the boss by address."""

    def __init__(self, store: Store) -> None:
        self.accounts = AccountLifecycle.of_store(store, system_clock)
        self.users = self.accounts.users
        self.own_email = OwnEmail(accounts=self.accounts)
        self.access = AccessComponents.of_store(store, system_clock, None)
        self.federated = FederatedAccounts(
            users=self.users, identities=IdentityRepository(store, system_clock)
        )

    async def begin(self) -> None:
        await self.access.rules.save(
            parse_access({"people": {BOSS: {NOTES: "*"}}, "groups": {"ops": {NOTES: "*"}}}), 0
        )
        await self.access.groups.add("ops", BOSS)

    async def enter(self, user: User, address: str | None) -> User:
        return await self.own_email.enter(user, address, network="192.0.2.1/32")

    async def rules_for(self, user: User) -> tuple[str, ...]:
        return (await self.access.control.held(user.subject, NOTES)).rules

    async def log_in_at_provider(self) -> User:
        """The account of the boss, after a login at a provider that links by e-mail address."""
        boss = FederatedIdentity(issuer=ISSUER, subject="1", names=("boss",), email=BOSS)
        return (await self.federated.account_of(boss, PROVIDER))[0]


@pytest.fixture
async def here(store: Store) -> Here:
    here = Here(store)
    await here.begin()
    return here


@pytest.fixture
async def eve(here: Here) -> User:
    return await here.users.add("eve", "a password")


async def test_an_address_in_a_rule_or_group_gives_nothing_until_it_is_confirmed(
    here: Here, eve: User
) -> None:
    eve = await here.enter(eve, BOSS.upper())
    assert (eve.email, eve.unproven_email) == (None, BOSS)
    assert await here.rules_for(eve) == ()
    eve = await here.own_email.confirm(eve, BOSS)
    assert (eve.email, eve.unproven_email) == (BOSS, None)
    assert len(await here.rules_for(eve)) == 2


async def test_a_login_at_a_provider_is_not_linked_by_it(here: Here, eve: User) -> None:
    await here.enter(eve, BOSS)
    boss = await here.log_in_at_provider()
    assert boss.subject != eve.subject
    assert boss.email == BOSS
    with pytest.raises(ValueError, match="another account has that e-mail address"):
        await here.own_email.confirm(eve, BOSS)
    assert (await here.users.named("eve")).email is None


async def test_the_proven_address_stays_until_the_other_is_confirmed(here: Here, eve: User) -> None:
    eve = await here.users.set_email(eve, BOSS)
    eve = await here.enter(eve, "eve@corp.example")
    assert (eve.email, eve.unproven_email) == (BOSS, "eve@corp.example")
    assert len(await here.rules_for(eve)) == 2
    eve = await here.own_email.confirm(eve, "eve@corp.example")
    assert await here.rules_for(eve) == ()
    assert await here.users.by_email(BOSS) is None


async def test_only_the_address_that_the_administrator_saw_is_confirmed(here: Here, eve: User) -> None:
    await here.enter(eve, "eve@corp.example")
    await here.enter(eve, BOSS)
    with pytest.raises(NotThatAddressError):
        await here.own_email.confirm(eve, "eve@corp.example")
    assert (await here.users.named("eve")).email is None


async def test_an_address_is_withdrawn_and_an_invalid_one_refused(here: Here, eve: User) -> None:
    await here.enter(eve, BOSS)
    for bad in ("eve", "ëve@corp.example", f"{'x' * 250}@corp.example"):
        with pytest.raises(ValueError, match="must have the form"):
            await here.enter(eve, bad)
    assert (await here.enter(eve, None)).unproven_email is None
    with pytest.raises(NotThatAddressError):
        await here.own_email.confirm(eve, BOSS)
    notices = (await here.accounts.factors.of(eve.subject)).notices
    assert [notice.text for notice in notices] == [
        "An unproven e-mail address was entered",
        "An unproven e-mail address was removed",
    ][::-1]
