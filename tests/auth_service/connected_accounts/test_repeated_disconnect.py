"""Disconnecting is pressed several times: one revocation at the provider, one event of each kind (GW-1)."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast

import pytest

from auth_service.connected_accounts.accounts import ConnectedAccounts
from auth_service.connected_accounts.credentials import Credentials
from auth_service.connected_accounts.disconnections import Disconnections
from auth_service.connected_accounts.discovered_providers import DiscoveredProviders
from auth_service.connected_accounts.provider_revocations import ProviderRevocations
from auth_service.connected_accounts.records import ConnectedAccount, ConnectedAccountRecords
from auth_service.connected_accounts.token_requests import TokenRequests
from auth_service.crypto.keyring import KeyRing
from auth_service.crypto.passwords import Passwords
from auth_service.journal.account_events import AccountEvents
from auth_service.protocol.connected_account import UpstreamTokens
from auth_service.protocol.upstream_providers import UpstreamProvider
from auth_service.settings import MasterKey
from auth_service.upstream_settings import StaticUpstreamOAuth
from auth_service.users.repository import UserRepository
from shared.storage import Store
from tests.auth_service.call_approvals.contender import Actions
from tests.auth_service.connected_accounts.connecting import Connecting
from tests.auth_service.connected_accounts.own_provider import (
    MASTER_KEY,
    OWN_REVOKING,
    TOKENS,
    NothingDiscovered,
)
from tests.auth_service.service import RESOURCE
from tests.servers import wait_until

pytestmark = pytest.mark.requirement("GW-1")

PROVIDER = StaticUpstreamOAuth.model_validate(OWN_REVOKING).provider(RESOURCE)
ONCE = {"account at a provider disconnected": 1, "tokens revoked at a provider": 1}


@dataclass
class Requests:
    """The requests to the provider: the tokens that it was asked to revoke."""

    revoked: list[str] = field(default_factory=list)

    async def revoke(self, _provider: UpstreamProvider, tokens: UpstreamTokens) -> bool:
        await asyncio.sleep(0)
        self.revoked.append(tokens.token_to_revoke)
        return True


class Process:
    """One process of the service; all write to the same journal."""

    def __init__(self, store: Store, requests: Requests, journal: Actions) -> None:
        credentials = Credentials(
            ConnectedAccountRecords(store), KeyRing([MasterKey(key_id=1, key=MASTER_KEY)]), time.time
        )
        discovered = cast("DiscoveredProviders", NothingDiscovered())
        self.accounts = ConnectedAccounts(
            providers={RESOURCE: PROVIDER},
            discovered=discovered,
            credentials=credentials,
            requests=cast("TokenRequests", requests),
            disconnections=Disconnections(store, time.time),
            users=UserRepository(store, Passwords()),
            events=AccountEvents(journal),
            clock=time.time,
        )
        self.revocations = ProviderRevocations(
            providers={RESOURCE: PROVIDER},
            discovered=discovered,
            credentials=credentials,
            requests=cast("TokenRequests", requests),
            events=AccountEvents(journal),
            clock=time.time,
        )

    async def press(self) -> bool:
        return await self.accounts.disconnect("ada", RESOURCE)


@pytest.mark.anyio
async def test_a_slow_press_does_not_revoke_again_what_a_faster_one_has_had_revoked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests, journal = Requests(), Actions()
    slow, fast = Process(store, requests, journal), Process(store, requests, journal)
    await slow.accounts.credentials.save("ada", "client", PROVIDER, TOKENS)
    records = slow.accounts.credentials.records
    leave = records.leave_to_revoke

    async def leave_late(account: ConnectedAccount) -> None:
        assert await fast.press()
        await fast.revocations.revoke_due()
        await leave(account)

    monkeypatch.setattr(records, "leave_to_revoke", leave_late)
    assert await slow.press()
    for process in (slow, fast):
        await process.revocations.revoke_due()
    assert requests.revoked == ["r"]
    assert Counter(journal.actions) == ONCE
    assert await records.ended.waiting() == []
    assert len(await slow.accounts.disconnections.recent()) == 1


@pytest.mark.anyio
async def test_tokens_that_are_listed_after_their_revocation_do_not_wait_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = Requests()
    process = Process(store, requests, Actions())
    await process.accounts.credentials.save("ada", "client", PROVIDER, TOKENS)
    assert await process.press()
    ended = process.accounts.credentials.records.ended
    (version,) = await ended.waiting()
    tokens = await ended.claim(version, 0)
    assert tokens is not None
    list_within = store.index_add_within

    async def list_late(key: str, member: str, *, ttl_s: int, limit: int) -> bool:
        await ended.finish(version)
        return await list_within(key, member, ttl_s=ttl_s, limit=limit)

    monkeypatch.setattr(store, "index_add_within", list_late)
    assert await ended.add(tokens)
    assert await ended.waiting() == [version]
    await process.revocations.revoke_due()
    assert await ended.waiting() == []
    assert requests.revoked == []


@pytest.mark.anyio
async def test_presses_at_once_in_several_processes_lead_to_one_revocation(store: Store) -> None:
    requests, journal = Requests(), Actions()
    processes = [Process(store, requests, journal) for _ in range(4)]
    await processes[0].accounts.credentials.save("ada", "client", PROVIDER, TOKENS)
    presses = [process.press() for process in processes for _ in range(5)]
    rounds = [process.revocations.revoke_due() for process in processes for _ in range(5)]
    await asyncio.gather(*(each for pair in zip(presses, rounds, strict=True) for each in pair))
    for process in processes:
        assert not await process.press()
        await process.revocations.revoke_due()
    assert requests.revoked == ["r"]
    assert Counter(journal.actions) == ONCE
    # Another account that is connected afterwards is another matter.
    await processes[0].accounts.credentials.save("ada", "client", PROVIDER, TOKENS)
    assert await processes[0].press()
    await processes[0].revocations.revoke_due()
    assert requests.revoked == ["r", "r"]


def test_a_person_who_presses_the_button_several_times_sees_the_same_page(connecting: Connecting) -> None:
    connecting.connected()
    page = connecting.disconnect_page()
    with ThreadPoolExecutor(4) as threads:
        pages = list(threads.map(lambda _: connecting.person.submit(page, {}), range(8)))
    assert ["The account is disconnected." in each.text for each in pages] == [True] * 8
    token = connecting.upstream.tokens[1]
    wait_until(lambda: {action: connecting.journaled(action) for action in ONCE} == ONCE)
    connecting.server.clock.advance(61)
    assert connecting.person.submit(page, {}).status_code == 200
    revoked = [form["token"] for path, form in connecting.upstream.requests if path == "/revoke"]
    assert revoked.count(token) == 1
    assert {action: connecting.journaled(action) for action in ONCE} == ONCE
