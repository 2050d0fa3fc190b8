"""Connections and disconnections that an outage of the store interrupts. On both stores (GW-1)."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import cast

import pytest

from auth_service.connected_accounts.accounts import ConnectedAccounts
from auth_service.connected_accounts.credentials import Credentials
from auth_service.connected_accounts.disconnections import Disconnections
from auth_service.connected_accounts.discovered_providers import DiscoveredProviders
from auth_service.connected_accounts.records import ConnectedAccount, ConnectedAccountRecords
from auth_service.connected_accounts.token_requests import TokenRequests
from auth_service.crypto.keyring import KeyRing
from auth_service.crypto.passwords import Passwords
from auth_service.journal.account_events import AccountEvents
from auth_service.settings import MasterKey
from auth_service.upstream_settings import StaticUpstreamOAuth
from auth_service.users.repository import UserRepository
from shared.storage import Store, StoreUnavailableError
from tests.auth_service.call_approvals.contender import Actions
from tests.auth_service.connected_accounts.own_provider import (
    MASTER_KEY,
    OWN_REVOKING,
    TOKENS,
    NothingDiscovered,
)
from tests.auth_service.service import RESOURCE
from tests.outages import NEVER, FailingStore

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-1")]

PROVIDER = StaticUpstreamOAuth.model_validate(OWN_REVOKING).provider(RESOURCE)
OUTAGES = [{}, {"loses_answer": True}, {"unreplicated": True}]


class Interrupted:
    """The accounts of people, in a store that fails when a test wants it."""

    def __init__(self, store: Store) -> None:
        self.failing, self.journal = FailingStore(store), Actions()
        failing = cast("Store", self.failing)
        self.records = ConnectedAccountRecords(failing)
        self.accounts = ConnectedAccounts(
            providers={RESOURCE: PROVIDER},
            discovered=cast("DiscoveredProviders", NothingDiscovered()),
            credentials=Credentials(self.records, KeyRing([MasterKey(key_id=1, key=MASTER_KEY)]), time.time),
            requests=cast("TokenRequests", None),
            disconnections=Disconnections(failing, time.time),
            users=UserRepository(failing, Passwords()),
            events=AccountEvents(self.journal),
            clock=time.time,
        )

    async def connected(self, subject: str) -> ConnectedAccount:
        account, _ = await self.accounts.credentials.save(subject, "client", PROVIDER, TOKENS)
        self.failing.fail_from(NEVER)
        return account


@pytest.mark.parametrize("outage", OUTAGES, ids=["lost", "lost answer", "unreplicated"])
async def test_a_disconnection_is_completed_when_it_is_repeated(
    store: Store, outage: dict[str, bool]
) -> None:
    here = Interrupted(store)
    await here.connected("ada")
    assert await here.accounts.disconnect("ada", RESOURCE)
    for step in range(len(here.failing.made)):
        subject = f"ada {step}"
        account = await here.connected(subject)
        here.journal.actions.clear()
        here.failing.fail_from(step, **outage)
        with pytest.raises(StoreUnavailableError):
            await here.accounts.disconnect(subject, RESOURCE)
        here.failing.fail_from(NEVER)
        await here.accounts.disconnect(subject, RESOURCE)
        assert await here.records.get(subject, RESOURCE) is None
        assert account.version in await here.records.ended.waiting()
        assert account.version in [each.version for each in await here.accounts.disconnections.recent()]
        assert "account at a provider disconnected" in here.journal.actions


@pytest.mark.parametrize("outage", OUTAGES, ids=["lost", "lost answer", "unreplicated"])
@pytest.mark.parametrize("ends", ["connected again", "deleted"])
async def test_the_provider_revokes_the_tokens_of_an_account_that_is_replaced_or_deleted(
    store: Store, outage: dict[str, bool], ends: str
) -> None:
    here = Interrupted(store)

    async def end(subject: str) -> None:
        if ends == "deleted":
            await here.records.delete_all(subject)
        else:
            await here.accounts.credentials.save(subject, "client", PROVIDER, TOKENS)

    await here.connected("ada")
    await end("ada")
    for step in range(len(here.failing.made)):
        subject = f"ada {step}"
        account = await here.connected(subject)
        here.failing.fail_from(step, **outage)
        with suppress(StoreUnavailableError):
            await end(subject)
        here.failing.fail_from(NEVER)
        current = await here.records.get(subject, RESOURCE)
        remains = current is not None and current.version == account.version
        assert remains or account.version in await here.records.ended.waiting()


async def test_nobody_gets_the_tokens_of_an_account_whose_disconnection_was_interrupted(store: Store) -> None:
    here = Interrupted(store)
    account = await here.connected("ada")
    assert await here.accounts.credential("ada", RESOURCE) is not None
    await here.records.begin_end(account)
    assert await here.accounts.credential("ada", RESOURCE) is None
    assert await here.accounts.credentials.lease(account, TOKENS) is None
    assert [each.version for each in await here.records.of_subject("ada")] == [account.version]
