"""A username that an identity provider suggested gives nobody access: people choose it there (ID-3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.access.components import AccessComponents
from auth_service.crypto.passwords import Passwords
from auth_service.federation.accounts import FederatedAccounts
from auth_service.federation.identities import IdentityRepository
from auth_service.protocol.access_document import parse_access
from auth_service.protocol.federated_identity import FederatedIdentity
from auth_service.users.repository import User, UserRepository
from shared.clock import system_clock
from shared.storage import Store
from tests.auth_service.federation.people import ISSUER, PROVIDER

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-3", "ID-2")]

NOTES = "https://notes.example/mcp"
RULES = {"people": {"alice": {NOTES: "*"}}, "groups": {"ops": {NOTES: "*"}}}


class Here:
    """Rules that name `alice`, herself and in a group, before anybody has an account."""

    def __init__(self, store: Store) -> None:
        self.access = AccessComponents.of_store(store, system_clock, None)
        self.users = UserRepository(store, Passwords())
        self.identities = IdentityRepository(store, system_clock)
        self.federated = FederatedAccounts(users=self.users, identities=self.identities)

    async def begin(self) -> None:
        await self.access.rules.save(parse_access(RULES), 0)
        await self.access.groups.add("ops", "alice")

    async def log_in(self) -> User:
        """The account of somebody who is called alice at the provider."""
        stranger = FederatedIdentity(issuer=ISSUER, subject="4711", names=("Alice",))
        return (await self.federated.account_of(stranger, PROVIDER))[0]

    async def rules_for(self, user: User) -> tuple[str, ...]:
        return (await self.access.control.held(user.subject, NOTES)).rules


@pytest.fixture
async def here(store: Store) -> Here:
    here = Here(store)
    await here.begin()
    return here


async def test_it_satisfies_no_rule_and_no_membership(here: Here) -> None:
    user = await here.log_in()
    assert user.username == "Alice"
    assert await here.rules_for(user) == ()


async def test_connecting_and_disconnecting_identities_does_not_change_that(here: Here) -> None:
    user = await here.log_in()
    stranger = FederatedIdentity(issuer=ISSUER, subject="4711", names=("Alice",))
    await here.federated.connect(stranger, PROVIDER, user.subject)
    other = FederatedIdentity(issuer=ISSUER, subject="4712", names=("bob",))
    await here.federated.connect(other, PROVIDER, user.subject)
    first = await here.identities.get(ISSUER, "4711")
    assert first is not None
    await here.identities.disconnect(first)
    assert await here.rules_for(user) == ()


async def test_an_account_from_before_that_was_recorded_is_recognized_by_its_identity(here: Here) -> None:
    user = await here.log_in()
    older = await here.users.change(user, lambda account: replace(account, provider_username=None))
    assert await here.rules_for(older) == ()
    with_password = await here.users.set_password(older, "seven moss harbours")
    stranger = FederatedIdentity(issuer=ISSUER, subject="4711", names=("Alice",))
    await here.federated.connect(stranger, PROVIDER, user.subject)
    assert await here.rules_for(with_password) == ()


async def test_a_name_that_the_operator_chose_counts(here: Here) -> None:
    local = await here.users.add("alice", "seven moss harbours")
    assert len(await here.rules_for(local)) == 2
    older = await here.users.change(local, lambda account: replace(account, provider_username=None))
    assert len(await here.rules_for(older)) == 2
    await here.federated.connect(
        FederatedIdentity(issuer=ISSUER, subject="4713", names=("bob",)), PROVIDER, local.subject
    )
    assert len(await here.rules_for(older)) == 2


async def test_so_does_one_to_which_the_operator_has_renamed_the_account(here: Here) -> None:
    stranger = FederatedIdentity(issuer=ISSUER, subject="4714", names=("bob",))
    user, _ = await here.federated.account_of(stranger, PROVIDER)
    renamed = await here.users.change(user, lambda account: replace(account, username="alice"))
    assert len(await here.rules_for(renamed)) == 2
