"""Metadata that was not needed for days is read again first; the server may be away for a moment (GW-1)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from time import monotonic

import pytest

from auth_service.connected_accounts import discovered_providers
from auth_service.connected_accounts.discovered_providers import FRESH_S, OLDEST_S, STALE_S
from auth_service.connected_accounts.discovered_records import RETRY_S
from auth_service.connected_accounts.token_requests import UpstreamUnavailableError
from auth_service.protocol.reasons import Reason
from auth_service.protocol.upstream_client import UpstreamClient
from auth_service.protocol.upstream_metadata import ServerMetadata
from shared.storage.interface import Store
from tests.auth_service.connected_accounts.discovered import (
    CONFIGURED,
    ISSUER,
    ON_ONE_STORE,
    Provider,
    current,
    lose_client,
    used,
)

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-1")]
WEEKEND_S = 3 * 86_400
AWAY = UpstreamUnavailableError("away", cause=Reason.CONNECT_DISCOVERY_FAILED, passing=True)
CONTRADICTION = UpstreamUnavailableError("another issuer", cause=Reason.CONNECT_DISCOVERY_FAILED)


@ON_ONE_STORE
async def test_metadata_that_cannot_be_read_again_is_used_for_a_day(store: Store) -> None:
    upstream = Provider()
    first = await used(upstream.process(store))
    upstream.failure = AWAY
    process = upstream.process(store)
    upstream.now += FRESH_S
    assert await current(process) == first
    upstream.now += STALE_S
    with pytest.raises(UpstreamUnavailableError, match="away"):
        await current(process)
    upstream.failure = None
    upstream.now += RETRY_S
    assert (await current(process)).identity == first.identity


async def test_the_first_call_after_a_weekend_works_while_the_provider_is_away_for_a_moment(
    store: Store,
) -> None:
    upstream = Provider()
    first = await used(upstream.process(store))
    upstream.now += WEEKEND_S
    upstream.failure = AWAY
    processes = [upstream.process(store) for _ in range(3)]
    assert await asyncio.gather(*map(current, processes)) == [first] * 3
    assert upstream.reads == 2
    upstream.failure = None
    moved = replace(upstream.server, token_endpoint=f"{ISSUER}/v2/token")
    upstream.server = moved
    upstream.now += RETRY_S
    assert {(await current(process)).preset.token_endpoint for process in processes} == {moved.token_endpoint}


async def test_the_first_calls_after_a_weekend_use_endpoints_that_have_moved(store: Store) -> None:
    upstream = Provider()
    await used(upstream.process(store))
    upstream.now += WEEKEND_S
    moved = replace(upstream.server, token_endpoint=f"{ISSUER}/v2/token")
    upstream.server = moved
    providers = await asyncio.gather(*(current(upstream.process(store)) for _ in range(4)))
    assert {provider.preset.token_endpoint for provider in providers} == {moved.token_endpoint}
    assert (upstream.reads, upstream.registrations) == (2, 1)


@ON_ONE_STORE
async def test_a_server_that_is_silent_after_a_weekend_holds_up_a_call_for_a_moment(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovered_providers, "_RENEWAL_S", 0.2)
    upstream = Provider()
    first = await used(upstream.process(store))
    upstream.now += WEEKEND_S
    upstream.while_reading.append(asyncio.sleep(60))
    began = monotonic()
    assert await current(upstream.process(store)) == first
    assert monotonic() - began < 5


class SlowToCheck(Provider):
    """An authorization server that is slow to answer about its client."""

    async def refuses(self, _server: ServerMetadata, client: UpstreamClient) -> bool | None:
        await asyncio.sleep(1)
        return await super().refuses(_server, client)


async def test_a_slow_answer_about_the_client_delays_no_metadata(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovered_providers, "_RENEWAL_S", 0.5)
    monkeypatch.setattr(discovered_providers, "_CHECK_S", 0.05)
    upstream = SlowToCheck()
    first = await used(upstream.process(store))
    moved = replace(upstream.server, token_endpoint=f"{ISSUER}/v2/token")
    upstream.server = moved
    upstream.now += FRESH_S
    renewed = await current(upstream.process(store))
    assert (renewed.identity, renewed.client_id) == (first.identity, first.client_id)
    assert renewed.preset.token_endpoint == moved.token_endpoint
    assert upstream.registrations == 1


@ON_ONE_STORE
async def test_a_client_that_was_refused_is_replaced_although_its_server_is_slow(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovered_providers, "_CHECK_S", 0.05)
    upstream = SlowToCheck()
    process = upstream.process(store)
    await lose_client(upstream, process, await used(process))
    assert (await current(process)).client_id == "client-2"


@ON_ONE_STORE
@pytest.mark.parametrize("kind", [Provider, SlowToCheck])
async def test_a_server_that_is_always_slow_is_waited_for_once_its_metadata_is_too_old(
    store: Store, kind: type[Provider], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovered_providers, "_RENEWAL_S", 0.02)
    monkeypatch.setattr(discovered_providers, "_CHECK_S", 0.02)
    upstream = kind()
    first = await used(upstream.process(store))
    process = upstream.process(store)
    for _ in range(STALE_S // FRESH_S + 2):
        upstream.now += FRESH_S
        if kind is Provider:
            upstream.while_reading.append(asyncio.sleep(0.2))
        assert (await current(process)).identity == first.identity
    _, stored = await process.records.get(CONFIGURED)
    assert stored is not None
    assert upstream.now - stored.read_at < STALE_S


@ON_ONE_STORE
async def test_old_metadata_is_used_only_for_a_day_after_the_first_failure(store: Store) -> None:
    upstream = Provider()
    first = await used(upstream.process(store))
    upstream.now += WEEKEND_S
    upstream.failure = AWAY
    assert await current(upstream.process(store)) == first
    upstream.now += STALE_S - 1
    assert await current(upstream.process(store)) == first
    upstream.now += 1
    with pytest.raises(UpstreamUnavailableError, match="away"):
        await current(upstream.process(store))


@ON_ONE_STORE
@pytest.mark.parametrize(
    ("later_s", "failure", "reason"),
    [
        pytest.param(OLDEST_S, AWAY, "away", id="older than a week"),
        pytest.param(WEEKEND_S, CONTRADICTION, "another issuer", id="against what the server says now"),
    ],
)
async def test_metadata_that_must_not_be_used_is_not(
    store: Store, later_s: int, failure: UpstreamUnavailableError, reason: str
) -> None:
    upstream = Provider()
    await used(upstream.process(store))
    upstream.now += later_s
    upstream.failure = failure
    for _ in range(2):
        with pytest.raises(UpstreamUnavailableError, match=reason):
            await current(upstream.process(store))
