"""Upstreams are discovered once for all processes, kept sealed, and read again every hour (GW-1)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from auth_service.connected_accounts import discovered_records
from auth_service.connected_accounts.discovered_providers import (
    FRESH_S,
    STALE_S,
)
from auth_service.connected_accounts.discovered_records import LEASE_S, RETRY_S, DiscoveredUpstream
from auth_service.connected_accounts.token_requests import UpstreamUnavailableError
from auth_service.crypto.keyring import KeyRing
from auth_service.protocol.reasons import Reason
from auth_service.storage import keys
from shared.storage.interface import Store
from tests.auth_service.connected_accounts.discovered import (
    CONFIGURED,
    ISSUER,
    ON_ONE_STORE,
    OURS,
    SECRET,
    URL,
    Provider,
    current,
    lose_client,
    server_of,
    used,
)
from tests.auth_service.service import RESOURCE

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-1")]


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
async def test_an_expiring_client_is_registered_again(store: Store) -> None:
    upstream = Provider(expires_at=2_000_000)
    assert (await used(upstream.process(store))).client_id == "client-1"
    upstream.now = 2_000_000 - FRESH_S
    assert (await current(upstream.process(store))).client_id == "client-2"


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
            await lose_client(upstream, process, first)
    second = await current(process)
    assert second.identity != first.identity
    assert second.client_id == ("client-1" if change == "resource" else "client-2")


@ON_ONE_STORE
async def test_a_client_of_our_document_is_not_registered_nor_dropped(store: Store) -> None:
    methods = ("none", "client_secret_basic")
    upstream = Provider(server=replace(server_of(), accepts_documents=True, auth_methods=methods))
    process = upstream.process(store)
    provider = await used(process)
    assert (provider.client_id, provider.client_secret) == (f"{OURS}/connect/client-metadata", None)
    upstream.refuses_client = True
    await process.note_refused(CONFIGURED, provider)
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


async def test_a_process_whose_lease_has_expired_stores_nothing(store: Store) -> None:
    upstream = Provider()
    records = upstream.process(store).records
    read, _ = await records.get(CONFIGURED)
    late = await records.lease(CONFIGURED, read)
    assert late is not None
    assert await records.lease(CONFIGURED, read) is None
    upstream.now += LEASE_S
    lease = await records.lease(CONFIGURED, read)
    assert lease is not None
    discovered = DiscoveredUpstream(upstream=URL, scopes=(), server=server_of(), read_at=int(upstream.now))
    assert not await records.save(CONFIGURED, late, discovered)
    await records.fail(CONFIGURED, late, UpstreamUnavailableError("late", passing=True))
    assert await records.save(CONFIGURED, lease, discovered)
    record, stored = await records.get(CONFIGURED)
    assert (stored, record.failed_until) == (discovered, 0)


@ON_ONE_STORE
async def test_a_client_that_is_used_during_a_discovery_is_kept(store: Store) -> None:
    upstream = Provider()
    first = await current(upstream.process(store))
    upstream.now += FRESH_S
    process = upstream.process(store)
    upstream.while_reading.append(process.note_accepted(CONFIGURED, first))
    assert (await current(process)).identity == first.identity
    # As one that is used, it stays when it is refused once.
    upstream.refuses_client = True
    await process.note_refused(CONFIGURED, first)
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


@ON_ONE_STORE
async def test_what_a_later_release_has_stored_is_used_and_registers_nothing_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def later(discovered: DiscoveredUpstream) -> dict[str, Any]:
        members = asdict(discovered)
        for each in (members, members["server"], members["client"]):
            each["added"] = "by a later release"
        return members

    upstream = Provider()
    with monkeypatch.context() as changed:
        changed.setattr(discovered_records, "asdict", later)
        first = await used(upstream.process(store))
    assert (await current(upstream.process(store))).identity == first.identity
    assert upstream.registrations == 1


@ON_ONE_STORE
async def test_an_earlier_release_reads_what_is_stored_unless_the_client_was_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = {"upstream", "scopes", "server", "client", "client_used", "read_at"}
    stored: list[set[str]] = []
    seal = KeyRing.seal

    def noting(keyring: KeyRing, purpose: str, content: bytes) -> bytes:
        stored.append(set(json.loads(content)))
        return seal(keyring, purpose, content)

    monkeypatch.setattr(KeyRing, "seal", noting)
    process = Provider().process(store)
    first = await used(process)
    assert stored == [earlier, earlier]
    await process.note_refused(CONFIGURED, first)
    await process.note_accepted(CONFIGURED, first)
    assert stored[2:] == [{*earlier, "refused_at"}, earlier]
