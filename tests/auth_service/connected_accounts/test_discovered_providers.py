"""Upstreams are discovered once for all processes, kept sealed, and read again every hour (GW-1)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from pydantic import SecretStr

from auth_service.connected_accounts.discovered_providers import FRESH_S, STALE_S, DiscoveredProviders
from auth_service.connected_accounts.discovered_records import RETRY_S, DiscoveredRecords
from auth_service.connected_accounts.discovery import Discovered, Discovery
from auth_service.connected_accounts.token_requests import UpstreamUnavailableError
from auth_service.crypto.keyring import KeyRing
from auth_service.journal.account_events import AccountEvents
from auth_service.journal.journal import Journal
from auth_service.protocol.reasons import Reason
from auth_service.protocol.upstream_client import UpstreamClient
from auth_service.protocol.upstream_metadata import ResourceMetadata, ServerMetadata
from auth_service.protocol.upstream_providers import UpstreamDiscovery, UpstreamProvider
from auth_service.settings import MasterKey
from auth_service.storage import keys
from shared.journal.event import EventKind
from shared.storage.interface import Store
from tests.auth_service.service import RESOURCE

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-1")]

ON_ONE_STORE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
URL = "https://mcp.upstream.example/mcp"
ISSUER = "https://auth.upstream.example"
OURS = "https://auth.example"
MASTER_KEY = SecretStr(base64.urlsafe_b64encode(bytes(32)).decode())
CONFIGURED = UpstreamDiscovery(resource=RESOURCE, name="Upstream", url=URL)
SECRET = "the secret of a registered client"


def server_of(issuer: str = ISSUER) -> ServerMetadata:
    return ServerMetadata(
        issuer=issuer,
        authorization_endpoint=f"{issuer}/authorize",
        token_endpoint=f"{issuer}/token",
        registration_endpoint=f"{issuer}/register",
        sends_iss=True,
    )


@dataclass
class Provider:
    """An upstream with its authorization server, as `Discovery` reads them; and the journal.

    Attributes:
        reads, registrations: how often it was asked.
        in_use: the issuer that was named as the one in use.
        failure: raised in place of an answer.
        while_reading: done while the upstream is read.
    """

    server: ServerMetadata = field(default_factory=server_of)
    upstream: str = URL
    expires_at: int | None = None
    failure: UpstreamUnavailableError | None = None
    while_reading: list[Coroutine[None, None, None]] = field(default_factory=list)
    reads: int = 0
    registrations: int = 0
    events: list[dict[str, object]] = field(default_factory=list)
    now: float = 1_000_000
    in_use: str | None = None
    issuer: str = OURS

    async def read(self, _configured: UpstreamDiscovery, in_use: str | None = None) -> Discovered:
        self.reads += 1
        self.in_use = in_use
        await asyncio.sleep(0.01)
        while self.while_reading:
            await self.while_reading.pop()
        if self.failure is not None:
            raise self.failure
        resource = ResourceMetadata(resource=self.upstream, issuers=(self.server.issuer,))
        return Discovered(resource, self.server, ("notes:read",))

    async def register(self, _server: ServerMetadata) -> UpstreamClient:
        self.registrations += 1
        client_id = f"client-{self.registrations}"
        return UpstreamClient(client_id=client_id, client_secret=SECRET, expires_at=self.expires_at)

    async def record(self, _kind: EventKind, **members: object) -> None:
        self.events.append(members)

    def process(self, store: Store) -> DiscoveredProviders:
        """One process of the service, on `store`."""
        keyring = KeyRing([MasterKey(key_id=1, key=MASTER_KEY)])
        return DiscoveredProviders(
            records=DiscoveredRecords(store, keyring, lambda: self.now),
            discovery=cast(Discovery, self),
            events=AccountEvents(cast(Journal, self)),
            clock=lambda: self.now,
        )


async def current(
    process: DiscoveredProviders, configured: UpstreamDiscovery = CONFIGURED
) -> UpstreamProvider:
    provider = await process.of(configured, "ada")
    assert isinstance(provider, UpstreamProvider)
    return provider


async def used(process: DiscoveredProviders) -> UpstreamProvider:
    """The provider, after somebody has connected an account."""
    provider = await current(process)
    await process.note_used(CONFIGURED, provider)
    return provider


async def test_processes_discover_and_register_once(store: Store) -> None:
    upstream = Provider()
    processes = [upstream.process(store) for _ in range(4)]
    providers = await asyncio.gather(*(current(process) for process in processes for _ in range(5)))
    assert (upstream.reads, upstream.registrations) == (1, 1)
    (identity,) = {provider.identity for provider in providers}
    assert identity == f"{ISSUER} client-1 {URL}"
    assert upstream.events == [
        {
            "action": "client registered at a provider",
            "subject": "ada",
            "resource": RESOURCE,
            "provider": ISSUER,
            "registered": "client-1",
        }
    ]


@ON_ONE_STORE
async def test_a_client_with_which_somebody_has_connected_is_kept(store: Store) -> None:
    upstream = Provider()
    first = await used(upstream.process(store))
    upstream.now += FRESH_S
    moved = replace(upstream.server, token_endpoint=f"{ISSUER}/v2/token")
    upstream.server = moved
    second = await current(upstream.process(store))
    assert second.identity == first.identity
    assert second.preset.token_endpoint == moved.token_endpoint
    # Also after a time in which nobody needed it.
    upstream.now += 30 * STALE_S
    assert (await current(upstream.process(store))).identity == first.identity
    assert upstream.registrations == 1


@ON_ONE_STORE
async def test_an_unused_or_expiring_client_is_registered_again(store: Store) -> None:
    upstream = Provider(expires_at=2_000_000)
    await current(upstream.process(store))
    upstream.now += FRESH_S
    assert (await used(upstream.process(store))).client_id == "client-2"
    upstream.now = 2_000_000 - FRESH_S
    assert (await current(upstream.process(store))).client_id == "client-3"


@ON_ONE_STORE
@pytest.mark.parametrize("change", ["issuer", "resource", "client"])
async def test_a_change_gives_the_provider_another_identity(store: Store, change: str) -> None:
    upstream = Provider()
    process = upstream.process(store)
    first = await used(process)
    upstream.now += FRESH_S
    match change:
        case "issuer":
            upstream.server = server_of("https://another.example")
        case "resource":
            upstream.upstream = "https://mcp.upstream.example"
        case "client":
            await process.drop_client(CONFIGURED, first, of_account=True)
    second = await current(process)
    assert second.identity != first.identity
    assert second.client_id == ("client-1" if change == "resource" else "client-2")


@ON_ONE_STORE
async def test_a_refused_code_does_not_end_the_accounts_of_others(store: Store) -> None:
    upstream = Provider()
    process = upstream.process(store)
    first = await used(process)
    await process.drop_client(CONFIGURED, first, of_account=False)
    upstream.now += FRESH_S
    assert (await current(process)).identity == first.identity
    assert upstream.in_use == ISSUER


@ON_ONE_STORE
async def test_a_client_of_our_document_is_not_registered_nor_dropped(store: Store) -> None:
    methods = ("none", "client_secret_basic")
    upstream = Provider(server=replace(server_of(), accepts_documents=True, auth_methods=methods))
    process = upstream.process(store)
    provider = await used(process)
    assert (provider.client_id, provider.client_secret) == (f"{OURS}/connect/client-metadata", None)
    await process.drop_client(CONFIGURED, provider, of_account=True)
    upstream.now += FRESH_S
    assert (await current(process)).identity == provider.identity
    assert (upstream.registrations, upstream.events) == (0, [])


@ON_ONE_STORE
async def test_a_client_of_the_operator_is_used_only_at_its_issuer(store: Store) -> None:
    upstream = Provider()
    configured = replace(CONFIGURED, issuer=ISSUER, client_id="own", client_secret="own secret")
    await current(upstream.process(store))
    provider = await current(upstream.process(store), configured)
    assert (provider.client_id, provider.client_secret) == ("own", "own secret")
    assert upstream.registrations == 1
    # Without the settings, the server registers.
    assert (await current(upstream.process(store))).client_id == "client-2"


@ON_ONE_STORE
async def test_metadata_that_cannot_be_read_again_is_used_for_a_day(store: Store) -> None:
    upstream = Provider()
    first = await used(upstream.process(store))
    upstream.failure = UpstreamUnavailableError("down", cause=Reason.CONNECT_DISCOVERY_FAILED)
    process = upstream.process(store)
    upstream.now += FRESH_S
    assert await current(process) == first
    upstream.now += STALE_S
    with pytest.raises(UpstreamUnavailableError, match="down"):
        await current(process)
    upstream.failure = None
    upstream.now += RETRY_S
    assert (await current(process)).identity == first.identity


@ON_ONE_STORE
async def test_a_failure_is_remembered_by_all_processes_for_a_moment(store: Store) -> None:
    failure = UpstreamUnavailableError("refused", cause=Reason.CONNECT_REGISTRATION_FAILED)
    upstream = Provider(failure=failure)
    for _ in range(3):
        with pytest.raises(UpstreamUnavailableError, match="refused") as caught:
            await current(upstream.process(store))
        assert caught.value.cause is Reason.CONNECT_REGISTRATION_FAILED
    assert upstream.reads == 1
    upstream.failure = None
    upstream.now += RETRY_S
    assert (await current(upstream.process(store))).client_id == "client-1"


@ON_ONE_STORE
async def test_a_process_that_is_late_does_not_register_again(store: Store) -> None:
    upstream = Provider()
    late = upstream.process(store)
    read, _ = await late.records.get(CONFIGURED)
    await current(upstream.process(store))
    assert await late.records.lease(CONFIGURED, read) is None
    assert (await current(late)).client_id == "client-1"
    assert upstream.registrations == 1


@ON_ONE_STORE
async def test_a_client_that_is_used_during_a_discovery_is_kept(store: Store) -> None:
    upstream = Provider()
    first = await current(upstream.process(store))
    upstream.now += FRESH_S
    process = upstream.process(store)
    upstream.while_reading.append(process.note_used(CONFIGURED, first))
    assert (await current(process)).identity == first.identity
    assert (await current(upstream.process(store))).identity == first.identity


@ON_ONE_STORE
async def test_what_is_stored_is_sealed_for_the_resource_and_its_upstream(store: Store) -> None:
    upstream = Provider()
    await used(upstream.process(store))
    value = await store.get(keys.discovered_upstream(RESOURCE))
    assert value is not None
    assert [text for text in (SECRET, ISSUER, "client-1") if text.encode() in value] == []
    # An attacker who can write to the store puts the document of one resource in the place of another's.
    other = replace(CONFIGURED, resource="https://mcp.example/other")
    await store.create(keys.discovered_upstream(other.resource), value, ttl_s=None)
    assert (await current(upstream.process(store), other)).client_id == "client-2"
    elsewhere = replace(CONFIGURED, url="https://mcp.elsewhere.example/mcp")
    assert (await current(upstream.process(store), elsewhere)).client_id == "client-3"
