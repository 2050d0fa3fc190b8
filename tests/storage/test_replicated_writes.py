"""With replicated durability, a write is acknowledged once replicas have it, and never before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from auth_service.storage import keys
from auth_service.storage.key_schema import SCHEMA
from shared.storage import Durability, NotReplicatedError, Store, open_store
from shared.storage.documents import Collection
from shared.storage.durability import SHORT_LIVED, durability_from_environment, family
from shared.storage.json_codec import JsonCodec
from shared.storage.key_spec import PREFIX
from shared.storage.steps import AddMember, Create, ReadMany, Replace, in_order
from tests.machine import require
from tests.storage.topologies import (
    ClusterDeployment,
    SentinelDeployment,
    cluster_running,
    first_owner,
    node_id,
    sentinel_running,
)

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-3")]

GRANT, COUNTED = keys.grant("a"), keys.count("login", "192.0.2.1/32")
REPLICATED = Durability("replicated")


@dataclass(frozen=True)
class Note:
    text: str


@pytest.fixture(scope="module")
def sentinel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelDeployment]:
    require("redis-server")
    with sentinel_running(tmp_path_factory.mktemp("replicated")) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterDeployment]:
    require("redis-server")
    with cluster_running(tmp_path_factory.mktemp("cluster"), replicas=True) as deployment:
        yield deployment


@asynccontextmanager
async def opened(url: str, durability: Durability = REPLICATED) -> AsyncIterator[Store]:
    store = open_store(url, durability)
    try:
        yield store
    finally:
        await store.aclose()


async def test_an_acknowledged_write_is_on_the_replica(sentinel: SentinelDeployment) -> None:
    sentinel.empty()
    async with opened(sentinel.url) as store:
        names = [keys.grant(str(number)) for number in range(50)]
        await asyncio.gather(*(store.create(name, b"1", ttl_s=60) for name in names))
        here = await asyncio.to_thread(lambda: [sentinel.replica.command("GET", name) for name in names])
        assert here == [b"1"] * 50
        assert await store.replace(GRANT, b"0", b"1", ttl_s=60) is False
        assert await store.replace(names[0], b"1", b"2", ttl_s=60)
        assert await asyncio.to_thread(sentinel.replica.command, "GET", names[0]) == b"2"


async def test_a_write_that_the_replica_does_not_confirm_is_not_acknowledged(
    sentinel: SentinelDeployment,
) -> None:
    sentinel.empty()
    async with opened(sentinel.url) as store, opened(sentinel.url, Durability()) as other:
        notes = Collection(store, keys.grant, JsonCodec(Note), lambda _: 60)
        await notes.create("a", Note("before"))
        with sentinel.replica.frozen():
            with pytest.raises(NotReplicatedError):
                await notes.update("a", lambda _: (Note("after"), True))
            # It was written, so the second attempt changes nothing; but it must not be acknowledged either.
            with pytest.raises(NotReplicatedError):
                await notes.update("a", lambda _: (None, True))
            assert await other.get(GRANT) == JsonCodec(Note).encode(Note("after"))
            assert await notes.update("a", lambda _: (Note("lost"), True), may_be_lost=True)
        assert await notes.update("a", lambda _: (None, True))


async def test_reads_and_short_lived_keys_do_not_wait_for_replicas(sentinel: SentinelDeployment) -> None:
    sentinel.empty()
    async with opened(sentinel.url) as store:
        with sentinel.replica.frozen():
            waiting = asyncio.create_task(store.create(GRANT, b"1", ttl_s=60))
            await asyncio.sleep(0)
            assert (await store.count(COUNTED, ttl_s=60, limit=5)).admitted
            assert await store.index_list(keys.subject_grants("a")) == []
            await store.ping()
            assert not waiting.done()
            with pytest.raises(NotReplicatedError):
                await waiting


async def test_more_replicas_can_be_required_than_there_are(sentinel: SentinelDeployment) -> None:
    async with opened(sentinel.url, Durability("replicated", 2)) as store:
        with pytest.raises(NotReplicatedError, match="2 replicas"):
            await store.index_add(keys.subject_grants("b"), "a", ttl_s=60)


async def test_in_a_cluster_each_write_waits_for_a_replica_of_its_node(cluster: ClusterDeployment) -> None:
    names = [keys.grant(f"c{number}") for number in range(30)]
    async with opened(cluster.url) as store:
        assert all(await asyncio.gather(*(store.create(name, b"1", ttl_s=60) for name in names)))
        with cluster.replicas[0].frozen():
            outcomes = await asyncio.gather(
                *(store.replace(name, b"1", b"2", ttl_s=60) for name in names), return_exceptions=True
            )
        for name, outcome in zip(names, outcomes, strict=True):
            slot = cluster.nodes[0].command("CLUSTER", "KEYSLOT", name)
            assert isinstance(slot, int)
            lagging = first_owner(slot) == 0
            assert isinstance(outcome, NotReplicatedError) if lagging else outcome is True


async def test_in_a_cluster_writes_follow_slots_that_move(cluster: ClusterDeployment) -> None:
    key = keys.grant("moved")
    async with opened(cluster.url) as store:
        await store.create(key, b"1", ttl_s=60)
        slot = cluster.nodes[0].command("CLUSTER", "KEYSLOT", key)
        assert isinstance(slot, int)
        owner = cluster.nodes[first_owner(slot)]
        target = cluster.nodes[first_owner(slot) - 1]
        target.command("CLUSTER", "SETSLOT", str(slot), "IMPORTING", node_id(owner))
        owner.command("CLUSTER", "SETSLOT", str(slot), "MIGRATING", node_id(target))
        owner.command("MIGRATE", "127.0.0.1", str(target.port), key, "0", "5000")
        assert await store.replace(key, b"1", b"2", ttl_s=60)  # ASK
        for node in cluster.nodes:
            node.command("CLUSTER", "SETSLOT", str(slot), "NODE", node_id(target))
        assert await store.replace(key, b"2", b"3", ttl_s=60)  # MOVED
        assert await store.get(key) == b"3"


def test_every_family_of_keys_either_waits_or_is_listed_as_short_lived() -> None:
    families = {family(f"{PREFIX}{spec.pattern.partition(':{')[0]}") for spec in SCHEMA}
    assert families >= SHORT_LIVED
    waiting = {"client", "consent", "grant", "user", "signing-keys", "client-grants", "subject-grants"}
    assert families - SHORT_LIVED >= waiting
    assert REPLICATED.waits_for(GRANT)
    assert not REPLICATED.waits_for(COUNTED)
    assert not Durability("fsync").waits_for(GRANT)


def test_a_file_cannot_be_replicated(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs Redis"):
        open_store(f"sqlite:///{tmp_path}/a.db", REPLICATED)


def test_commands_use_the_durability_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert durability_from_environment() == Durability()
    monkeypatch.setenv("DOORWARD_DURABILITY", "replicated")
    monkeypatch.setenv("DOORWARD_DURABILITY_REPLICAS", "2")
    assert durability_from_environment() == Durability("replicated", 2)
    monkeypatch.setenv("DOORWARD_DURABILITY_REPLICAS", "none")
    with pytest.raises(ValueError, match="number"):
        durability_from_environment()
    monkeypatch.setenv("DOORWARD_DURABILITY", "hopeful")
    with pytest.raises(ValueError, match="one of"):
        durability_from_environment()


async def test_steps_in_order_wait_for_replicas_as_single_writes_do(sentinel: SentinelDeployment) -> None:
    sentinel.empty()
    async with opened(sentinel.url) as store:
        listing = AddMember(keys.subject_grants("c"), "a", 60)
        assert await in_order(store, Create(GRANT, b"1", 60), listing, ReadMany((GRANT,))) == [
            True,
            None,
            [b"1"],
        ]
        assert await asyncio.to_thread(sentinel.replica.command, "GET", GRANT) == b"1"
        with sentinel.replica.frozen(), pytest.raises(NotReplicatedError):
            await in_order(store, Replace(GRANT, b"1", b"2", 60), ReadMany((GRANT,)))
