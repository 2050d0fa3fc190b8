"""Tokens of ended accounts are revoked at their provider, a few times if need be (GW-1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from auth_service.connected_accounts.credentials import Credentials
from auth_service.connected_accounts.discovered_providers import DiscoveredProviders
from auth_service.connected_accounts.ended_tokens import FIRST_PAUSE_S, MAX_ATTEMPTS
from auth_service.connected_accounts.provider_revocations import ProviderRevocations
from auth_service.connected_accounts.records import ConnectedAccountRecords
from auth_service.connected_accounts.token_requests import TokenRequests
from auth_service.crypto.keyring import KeyRing
from auth_service.journal.account_events import AccountEvents
from auth_service.journal.journal import Journal
from auth_service.protocol.connected_account import UpstreamTokens
from auth_service.protocol.upstream_providers import UPSTREAM_PRESETS, AccountProvider, UpstreamProvider
from auth_service.settings import MasterKey
from auth_service.storage import keys
from auth_service.upstream_settings import StaticUpstreamOAuth
from shared.journal.event import EventKind
from shared.storage.interface import Store
from tests.auth_service.connected_accounts.own_provider import (
    MASTER_KEY,
    OWN,
    OWN_REVOKING,
    TOKENS,
    NothingDiscovered,
)
from tests.auth_service.service import RESOURCE

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-1")]


@dataclass
class Provider:
    """The requests to the provider, and its journal.

    Attributes:
        confirms: whether it revokes tokens.
        asked: the tokens that it was asked to revoke.
        events: the actions in the journal.
    """

    confirms: bool = True
    asked: list[str] = field(default_factory=list)
    events: list[object] = field(default_factory=list)
    now: float = 1_000

    async def revoke(self, _provider: UpstreamProvider, tokens: UpstreamTokens) -> bool:
        self.asked.append(tokens.token_to_revoke)
        return self.confirms

    def note(self, _kind: EventKind, **members: object) -> None:
        self.events.append(members["action"])

    async def record(self, kind: EventKind, **members: object) -> None:
        raise AssertionError("an end must not wait for the journal")

    def revocations(self, store: Store, **settings: str) -> ProviderRevocations:
        """One process of the service, on `store`."""
        upstream = StaticUpstreamOAuth.model_validate(settings)
        keyring = KeyRing([MasterKey(key_id=1, key=MASTER_KEY)])
        return ProviderRevocations(
            providers={RESOURCE: upstream.provider(RESOURCE)},
            discovered=cast(DiscoveredProviders, NothingDiscovered()),
            credentials=Credentials(ConnectedAccountRecords(store), keyring, lambda: self.now),
            requests=cast(TokenRequests, self),
            events=AccountEvents(cast(Journal, self)),
            clock=lambda: self.now,
        )


def provider_of(revocations: ProviderRevocations) -> AccountProvider:
    """The configured provider."""
    provider = revocations.providers[RESOURCE]
    assert isinstance(provider, UpstreamProvider)
    return provider


async def end(revocations: ProviderRevocations) -> None:
    """Connect an account, and delete the person's account."""
    await revocations.credentials.save("ada", "client", provider_of(revocations), TOKENS)
    await revocations.credentials.records.delete_all("ada")


async def test_each_token_is_revoked_once_by_all_processes(store: Store) -> None:
    provider = Provider()
    processes = [provider.revocations(store, **OWN_REVOKING) for _ in range(2)]
    await end(processes[0])
    for revocations in processes:
        await revocations.revoke_due()
    assert (provider.asked, provider.events) == (["r"], ["tokens revoked at a provider"])


async def test_a_provider_that_is_down_is_asked_again_with_longer_pauses(store: Store) -> None:
    provider = Provider(confirms=False)
    revocations = provider.revocations(store, **OWN_REVOKING)
    await end(revocations)
    for attempt in range(1, MAX_ATTEMPTS + 2):
        await revocations.revoke_due()
        await revocations.revoke_due()  # not due yet
        assert len(provider.asked) == min(attempt, MAX_ATTEMPTS)
        provider.now += FIRST_PAUSE_S * 2 ** (attempt - 1)
    assert provider.events == ["tokens not revoked at a provider"]
    assert await revocations.credentials.records.ended.waiting() == []


async def test_a_provider_without_endpoint_or_with_another_client_is_not_asked(store: Store) -> None:
    provider = Provider()
    await end(provider.revocations(store, **OWN))
    await provider.revocations(store, **OWN).revoke_due()
    await end(provider.revocations(store, **OWN_REVOKING))
    await provider.revocations(store, **{**OWN_REVOKING, "client_id": "another"}).revoke_due()
    assert (provider.asked, provider.events) == ([], ["tokens not revoked at a provider"] * 2)


async def test_a_credential_that_is_refreshed_after_its_end_is_revoked_too(store: Store) -> None:
    provider = Provider()
    revocations = provider.revocations(store, **OWN_REVOKING)
    credentials = revocations.credentials
    account, _ = await credentials.save("ada", "client", provider_of(revocations), TOKENS)
    lease = await credentials.lease(account, TOKENS)
    assert lease is not None
    await credentials.records.delete_all("ada")
    renewed = UpstreamTokens(access_token="b", refresh_token="r2")
    assert await credentials.replace(lease, renewed) is None
    await revocations.revoke_due()
    assert sorted(provider.asked) == ["r", "r2"]


@pytest.mark.parametrize(
    ("settings", "again", "tokens"),
    [
        ({"preset": "google", "client_id": "c"}, UpstreamTokens(access_token="b", refresh_token="r2"), []),
        (OWN_REVOKING, TOKENS, []),
        (OWN_REVOKING, UpstreamTokens(access_token="b", refresh_token="r2"), ["r"]),
    ],
)
async def test_nothing_is_revoked_that_would_end_a_later_connection(
    settings: dict[str, str], again: UpstreamTokens, tokens: list[str], store: Store
) -> None:
    provider = Provider()
    revocations = provider.revocations(store, **settings)
    await end(revocations)
    await revocations.credentials.save("ada", "client", provider_of(revocations), again)
    await revocations.revoke_due()
    assert provider.asked == tokens
    assert await revocations.credentials.records.ended.waiting() == []


async def test_a_document_that_cannot_be_read_does_not_keep_the_others(store: Store) -> None:
    provider = Provider()
    revocations = provider.revocations(store, **OWN_REVOKING)
    await store.create(keys.ended_tokens("0"), b"not a document", ttl_s=60)
    await store.index_add(keys.all_ended_tokens(), "0", ttl_s=60)
    await end(revocations)
    await revocations.revoke_due()
    assert provider.asked == ["r"]


def test_google_ends_all_tokens_with_one() -> None:
    ending = [name for name, preset in UPSTREAM_PRESETS.items() if preset.revocation_ends_all]
    assert ending == ["google"]


async def test_tokens_that_are_still_connected_are_not_revoked(store: Store) -> None:
    provider = Provider()
    revocations = provider.revocations(store, **OWN_REVOKING)
    records = revocations.credentials.records
    account, _ = await revocations.credentials.save("ada", "client", provider_of(revocations), TOKENS)
    # As a new connection does, just before it replaces the account.
    await records.leave_to_revoke(account)
    await revocations.revoke_due()
    assert provider.asked == []
    assert await records.ended.waiting() == [account.version]
    # As a disconnection does, before it removes the account.
    await records.begin_end(account)
    provider.now += FIRST_PAUSE_S
    await revocations.revoke_due()
    assert (provider.asked, await records.ended.waiting()) == (["r"], [])
