"""A process remembers revocations until the tokens have expired, and repeats those that the store forgot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from auth_service.events.known_revocations import KnownRevocations
from auth_service.events.publisher import RevocationPublisher
from auth_service.events.revocation_stream import RevocationStream
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.grant import Grant
from auth_service.storage import keys
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec
from tests.auth_service.protocol.builders import NOW, active_grant

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-16", "OP-3")]

GRANT = active_grant()
ID = GRANT.grant_id


def now() -> float:
    return float(NOW)


def test_at_the_bound_expired_revocations_are_looked_for_at_most_once_a_minute() -> None:
    time, looks = 0.0, 0

    class Ends(int):
        def __le__(self, other: object) -> bool:
            nonlocal looks
            looks += 1
            return super().__le__(int(time))

    remembered = KnownRevocations(lambda: time, at_most=100)
    for number in range(1_000):
        remembered.add(str(number), "a", Ends(100))
    assert looks < 3 * 1_000
    time = 101.0
    remembered.add("next", "a", 200)
    assert [each.grant_id for each in remembered.since(0)] == ["next"]


def test_at_the_bound_the_oldest_is_dropped_and_before_that_what_has_expired() -> None:
    time = 0.0
    remembered = KnownRevocations(lambda: time, at_most=2)
    remembered.add("expired", "a", 0)
    remembered.add("old", "b", 100)
    remembered.add("brief", "c", 10)
    assert [each.grant_id for each in remembered.since(0)] == ["old", "brief"]
    time = 20.0
    remembered.add("third", "d", 100)
    assert [each.grant_id for each in remembered.since(0)] == ["old", "third"]
    assert [each.grant_id for each in remembered.since(20)] == ["third"]
    remembered.add("fourth", "e", 100)
    assert [each.grant_id for each in remembered.since(0)] == ["third", "fourth"]
    assert remembered.of("old") is None


async def forgotten(store: Store, remembered: KnownRevocations | None = None) -> GrantRepository:
    """A repository that has revoked a grant, on a store that has gone back to before that."""
    grants = GrantRepository(store, now, remembered)
    await grants.open(GRANT)
    before = await store.get(keys.grant(ID))
    assert before is not None
    assert await grants.revoke(ID, "a test revoked it")
    await store.delete(keys.grant(ID))
    await store.create(keys.grant(ID), before, ttl_s=600)
    return grants


async def stored(store: Store) -> Grant:
    value = await store.get(keys.grant(ID))
    assert value is not None
    return JsonCodec(Grant, compressed=True).decode(value)


async def read_with(grants: GrantRepository) -> Grant:
    value, _ = await grants.read_with(ID, keys.access())
    assert value is not None
    return await grants.current(value)


@pytest.mark.parametrize("read", ["get", "read", "current", "change", "of_client", "parents"])
async def test_a_read_of_a_forgotten_revocation_finds_it_revoked(store: Store, read: str) -> None:
    grants = await forgotten(store)
    child = replace(GRANT, grant_id="child", parent_grants=(ID,))
    reads: dict[str, Callable[[], Awaitable[object]]] = {
        "get": lambda: grants.get(ID),
        "read": lambda: grants.read(ID),
        "current": lambda: read_with(grants),
        "change": lambda: grants.change(ID, lambda grant: (None, grant.state)),
        "of_client": lambda: grants.of_client(GRANT.client_id),
        "parents": lambda: grants.within_parents(child),
    }
    outcome = await reads[read]()
    if read == "of_client":
        assert outcome == []
        return
    assert outcome is None if read == "parents" else "revoked" in str(outcome)
    assert (await stored(store)).state == "revoked"
    assert (await stored(store)).revocation_reason == "a test revoked it"


async def test_forgotten_revocations_are_repeated_without_being_read(store: Store) -> None:
    grants = await forgotten(store)
    await grants.put_back_revocations()
    assert (await stored(store)).state == "revoked"


async def test_only_a_written_revocation_is_remembered_by_those_who_hear_of_it(store: Store) -> None:
    remembered = KnownRevocations(now)
    stream = RevocationStream(store, now, known_revocations=remembered)
    async with stream.followed():
        acting = GrantRepository(store, now)
        await acting.open(GRANT)
        position = (await stream.next((), 10, waits=True)).events[-1].jti
        await RevocationPublisher(store, now).revoked(
            replace(GRANT, state="revoked")
        )  # announced, never written
        await stream.next((position,), 10, waits=True)
        assert remembered.of(ID) is None
        await acting.revoke(ID)
        while remembered.of(ID) is None:
            position = (await stream.next((position,), 10, waits=True)).events[-1].jti
    assert remembered.of(ID) is not None
