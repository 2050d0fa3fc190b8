"""Sentinel promotes a replica, a cluster moves slots and loses a node: calls soon work again."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from shared.storage import Store, StoreUnavailableError, open_store
from tests.machine import require
from tests.servers import wait_until
from tests.storage.calls import CALLS, CHANNEL, KEY
from tests.storage.topologies import (
    SERVICE,
    ClusterDeployment,
    SentinelDeployment,
    cluster_running,
    first_owner,
    sentinel_running,
)

pytestmark = [pytest.mark.long, pytest.mark.anyio]

RECOVERY_S = 30


async def works_again(call: Callable[[], Awaitable[object]]) -> None:
    """Return once `call` works; until then it may only fail with `StoreUnavailableError`."""
    async with asyncio.timeout(RECOVERY_S):
        while True:
            try:
                await call()
            except StoreUnavailableError:
                await asyncio.sleep(0.05)
            else:
                return


async def test_writes_go_to_the_new_primary_after_a_sentinel_failover(tmp_path: Path) -> None:
    require("redis-server")
    with sentinel_running(tmp_path, down_after_ms=1_000) as deployment:
        await asyncio.to_thread(wait_until, deployment.replica_follows)
        store = open_store(deployment.url)
        await store.create(KEY, b"value", ttl_s=None)
        async with store.subscribe(CHANNEL) as messages:
            await asyncio.to_thread(wait_until, lambda: deployment.replica.command("GET", KEY) == b"value")
            await asyncio.to_thread(deployment.primary.kill)
            with pytest.raises(StoreUnavailableError):
                await asyncio.wait_for(anext(messages), RECOVERY_S)
        await works_again(lambda: store.replace(KEY, b"value", b"new", ttl_s=None))
        assert await asyncio.to_thread(deployment.replica.command, "GET", KEY) == b"new"
        for call in CALLS.values():
            await call(store)
        await store.aclose()


async def test_sentinels_that_do_not_answer_are_passed_over(redis_sentinel: SentinelDeployment) -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as one,
        closing(socket.create_server(("127.0.0.1", 0))) as two,
    ):
        silent = ",".join(f"127.0.0.1:{listener.getsockname()[1]}" for listener in (one, two))
        store = open_store(f"redis+sentinel://{silent},127.0.0.1:{redis_sentinel.sentinel.port}/{SERVICE}")
        await store.ping()
        await store.aclose()


async def test_no_call_fails_because_slots_have_moved(redis_cluster: ClusterDeployment) -> None:
    redis_cluster.empty()
    store = open_store(redis_cluster.url)
    keys = [f"doorward:{number}" for number in range(20)]
    await asyncio.gather(*(store.get(key) for key in keys))
    await asyncio.to_thread(_give_to_another_node, redis_cluster, keys)
    others = [f"doorward:{number}" for number in range(20, 40)]
    created = await asyncio.gather(*(store.create(key, b"value", ttl_s=60) for key in [*keys, *others]))
    assert all(created)
    await _all_there(store, [*keys, *others])
    await store.aclose()


def _give_to_another_node(cluster: ClusterDeployment, keys: list[str]) -> None:
    """Move the slots of `keys` to the last node that does not have them. There is nothing in them."""
    names = [node.command("CLUSTER MYID") for node in cluster.nodes]
    for key in keys:
        slot = str(cluster.nodes[0].command("CLUSTER", "KEYSLOT", key))
        owner = first_owner(int(slot))
        for node in cluster.nodes:
            node.command("CLUSTER", "SETSLOT", slot, "NODE", _text(names[owner - 1]))


def _text(answer: object) -> str:
    assert isinstance(answer, bytes)
    return answer.decode()


async def test_a_lost_node_fails_calls_until_it_is_back(tmp_path: Path) -> None:
    require("redis-server")
    with cluster_running(tmp_path) as cluster:
        store = open_store(cluster.url)
        keys = [f"doorward:{number}" for number in range(30)]
        await asyncio.gather(*(store.create(key, b"value", ttl_s=None) for key in keys))
        await asyncio.to_thread(cluster.nodes[0].kill)
        outcomes = await asyncio.gather(*(store.get(key) for key in keys), return_exceptions=True)
        failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert failed
        assert {type(outcome) for outcome in failed} == {StoreUnavailableError}
        await asyncio.to_thread(cluster.nodes[0].start)
        await works_again(lambda: _all_there(store, keys))
        await store.aclose()


async def _all_there(store: Store, keys: list[str]) -> None:
    values = await asyncio.gather(*(store.get(key) for key in keys))
    assert values == [b"value"] * len(keys)
