"""Resource servers are told when a change of an account may take access away from it (ID-4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from auth_service.access.announcements import AccessChangePublisher
from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.accounts.renaming import AccountRenames
from auth_service.federation.accounts import FederatedAccounts
from auth_service.federation.identities import IdentityRepository, Origin
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.federated_identity import FederatedIdentity
from auth_service.protocol.grant import Grant
from auth_service.storage import keys
from auth_service.users.renaming import UserRenames
from auth_service.users.repository import User
from shared.clock import system_clock
from shared.storage import Store
from tests.auth_service.access.announced import Announced
from tests.auth_service.federation.people import ISSUER, PROVIDER, somebody

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-4")]

CHANGED = "changed grant-1"


class Here:
    """An administrator with an address, a connected identity and a grant."""

    def __init__(self, store: Store) -> None:
        self.noting = Announced(store)
        self.accounts = AccountLifecycle.of_store(self.noting.store, system_clock)
        self.identities = IdentityRepository(self.noting.store, system_clock)

    async def person(self, store: Store) -> User:
        user = await self.accounts.create("ada", "seven moss harbours", admin=True)
        user = await self.accounts.users.set_email(user, "ada@corp.example")
        await self.identities.connect(somebody(), "idp", user.subject, origin=Origin.OWNER)
        now = int(system_clock())
        grant = Grant(
            grant_id="grant-1",
            client_id="client",
            scopes=("notes:read",),
            created_at=now,
            expires_at=now + 600,
            state="active",
            subject=user.subject,
            access_expires_at=now + 600,
        )
        await GrantRepository(store, system_clock).open(grant)
        self.noting.calls.clear()
        return user

    async def disconnect(self, user: User) -> None:
        (identity,) = await self.accounts.connected.of(user)
        await self.accounts.connected.disconnect(user, identity.identity_id)

    async def disconnect_all(self, user: User) -> None:
        await self.accounts.connected.disconnect_all(user)


CHANGES: dict[str, Callable[[Here, User], Awaitable[Any]]] = {
    "demoted": lambda here, user: here.accounts.demote(user),
    "address removed": lambda here, user: here.accounts.set_email(user, None),
    "another address": lambda here, user: here.accounts.set_email(user, "eve@corp.example"),
    "identity disconnected": lambda here, user: here.disconnect(user),
    "all identities disconnected": lambda here, user: here.disconnect_all(user),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_they_are_told_before_and_after_the_change(store: Store, change: str) -> None:
    here = Here(store)
    user = await here.person(store)
    await CHANGES[change](here, user)
    calls = here.noting.calls
    first, *_, last = (at for at, call in enumerate(calls) if call == CHANGED)
    writes = {"replace", "index_remove"}
    assert writes.isdisjoint(calls[:first])
    assert writes & set(calls) == writes & set(calls[first:last])


async def test_they_are_told_of_another_username(store: Store) -> None:
    here = Here(store)
    await here.person(store)
    renames = AccountRenames(
        users=UserRenames(here.noting.store, here.accounts.users),
        grants=GrantRepository(here.noting.store, system_clock),
        changes=here.accounts.connected.changes,
    )
    await renames.rename("ada", "lovelace")
    assert here.noting.calls[-1] == CHANGED


async def test_they_are_told_what_a_login_through_a_provider_has_changed(store: Store) -> None:
    noting = Announced(store)
    accounts = AccountLifecycle.of_store(noting.store, system_clock)
    federated = FederatedAccounts(
        users=accounts.users,
        identities=IdentityRepository(noting.store, system_clock),
        access_changed=AccessChangePublisher(noting.store, accounts.users, system_clock).subject,
    )

    async def log_in(*groups: str, email: str | None = None) -> list[str]:
        noting.calls.clear()
        person = FederatedIdentity(
            issuer=ISSUER, subject="4711", names=("ada",), email=email, groups=groups or None
        )
        user, _ = await federated.account_of(person, PROVIDER)
        await store.index_add(keys.subject_grants(user.subject), "grant-1", ttl_s=None)
        return noting.calls[-1:]

    await log_in("ops", "readers", email="ada@corp.example")
    assert await log_in("readers", "ops", email="ada@corp.example") != [CHANGED]
    assert await log_in("readers", email="ada@corp.example") == [CHANGED]
    assert await log_in(email="ada@corp.example") != [CHANGED]  # the provider did not tell
    assert await log_in(email="eve@corp.example") == [CHANGED]
