"""The client at a discovered provider is replaced only when it is gone, which ends all accounts (GW-1)."""

from __future__ import annotations

import asyncio

import pytest

from auth_service.connected_accounts.discovered_providers import CONFIRM_S, FRESH_S
from shared.storage.interface import Store
from tests.auth_service.connected_accounts.discovered import (
    CONFIGURED,
    ON_ONE_STORE,
    Provider,
    current,
    lose_client,
    used,
)

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-1")]


async def test_a_refusal_for_one_person_does_not_end_the_accounts_of_others(store: Store) -> None:
    upstream = Provider()
    process = upstream.process(store)
    first = await used(process)
    for _ in range(3):
        await process.note_refused(CONFIGURED, first)
        assert (await current(upstream.process(store))).identity == first.identity
        upstream.now += CONFIRM_S
    assert (await current(process)).identity == first.identity
    assert upstream.registrations == 1


@ON_ONE_STORE
async def test_refusals_for_one_person_lead_to_few_requests(store: Store) -> None:
    upstream = Provider()
    process = upstream.process(store)
    first = await used(process)
    for _ in range(100):
        await process.note_refused(CONFIGURED, first)
        await current(process)
        upstream.now += CONFIRM_S / 10
    assert (upstream.reads, upstream.checks) == (10, 9)


async def test_a_client_that_is_gone_is_replaced_once_by_all_processes(store: Store) -> None:
    upstream = Provider()
    processes = [upstream.process(store) for _ in range(4)]
    first = await used(processes[0])
    upstream.refuses_client = True
    await asyncio.gather(*(process.note_refused(CONFIGURED, first) for process in processes))
    upstream.now += CONFIRM_S - 1
    assert (await current(upstream.process(store))).identity == first.identity
    upstream.now += 1
    providers = await asyncio.gather(*(current(process) for process in processes for _ in range(5)))
    assert {provider.client_id for provider in providers} <= {"client-1", "client-2"}
    assert {(await current(upstream.process(store))).client_id} == {"client-2"}
    assert upstream.registrations == 2
    # What is still in flight with the earlier client says nothing about the new one.
    await processes[0].note_refused(CONFIGURED, first)
    upstream.now += CONFIRM_S
    assert (await current(upstream.process(store))).client_id == "client-2"
    assert (upstream.registrations, upstream.checks) == (2, 1)


@ON_ONE_STORE
async def test_a_client_that_is_accepted_again_is_not_in_doubt(store: Store) -> None:
    upstream = Provider()
    process = upstream.process(store)
    first = await used(process)
    upstream.refuses_client = True
    await process.note_refused(CONFIGURED, first)
    await process.note_accepted(CONFIGURED, first)
    upstream.now += CONFIRM_S
    assert (await current(upstream.process(store))).identity == first.identity
    assert (upstream.registrations, upstream.checks) == (1, 0)


@ON_ONE_STORE
async def test_a_server_that_cannot_be_asked_keeps_its_client(store: Store) -> None:
    upstream = Provider()
    process = upstream.process(store)
    first = await used(process)
    await lose_client(upstream, process, first)
    upstream.refuses_client = None
    assert (await current(upstream.process(store))).identity == first.identity
    assert (await current(upstream.process(store))).identity == first.identity
    assert (upstream.registrations, upstream.checks) == (1, 1)
    upstream.refuses_client = True
    upstream.now += CONFIRM_S
    assert (await current(upstream.process(store))).client_id == "client-2"


@ON_ONE_STORE
async def test_a_deleted_client_that_nobody_uses_is_noticed_when_the_metadata_is_read(
    store: Store,
) -> None:
    """All accounts were disconnected: no refresh tells, and the server tells only people at its own pages."""
    upstream = Provider()
    first = await used(upstream.process(store))
    upstream.refuses_client = True
    upstream.now += FRESH_S
    assert (await current(upstream.process(store))).identity == first.identity
    upstream.now += CONFIRM_S
    assert (await current(upstream.process(store))).client_id == "client-2"


@ON_ONE_STORE
async def test_a_client_with_which_nobody_has_connected_is_replaced_after_one_refusal(store: Store) -> None:
    upstream = Provider()
    process = upstream.process(store)
    first = await current(process)
    upstream.now += FRESH_S
    assert (await current(upstream.process(store))).identity == first.identity
    upstream.refuses_client = True
    await process.note_refused(CONFIGURED, first)
    assert (await current(process)).client_id == "client-2"
    assert upstream.registrations == 2
