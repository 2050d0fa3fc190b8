"""The store is examined again and again, and what changes is logged once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import cast

import pytest

from shared.storage import Store, StoreUnavailableError, open_store, store_watch
from shared.storage.redis import RedisStore
from shared.storage.redis_address import parse_address
from shared.storage.store_watch import StoreWatch
from tests.storage.topologies import ClusterDeployment, SentinelDeployment

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-3", "AS-5")]


class Complaining:
    """Answers with each list of complaints in turn; None is an outage."""

    def __init__(self, *answers: list[str] | None) -> None:
        self._answers = list(answers)

    async def misconfigurations(self) -> list[str]:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if answer is None:
            raise StoreUnavailableError("down")
        return answer


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, _: str, complaint: str) -> None:
        self.lines.append(f"new: {complaint}")

    def info(self, _: str, complaint: str) -> None:
        self.lines.append(f"settled: {complaint}")


async def test_only_changes_are_logged_and_outages_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    log, done = Log(), asyncio.Event()
    monkeypatch.setattr(store_watch, "_log", log)
    watch = StoreWatch(cast("Store", Complaining(["a"], ["a"], None, ["a", "b"], ["b"], None)))
    await watch.check()
    rounds = 0

    async def count() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 5:
            done.set()

    task = asyncio.create_task(watch.watch(count, every_s=0))
    await asyncio.wait_for(done.wait(), 10)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert log.lines == ["new: a", "new: b", "settled: a"]
    assert watch.complaints == ("b",)


async def test_public_complaints_name_no_server() -> None:
    complaints = ["10.0.0.1:6379: a full", "10.0.0.2:6379: a full", "[::1]:6379: late", "one: two"]
    watch = StoreWatch(cast("Store", Complaining(complaints)))
    await watch.check()
    assert watch.public_complaints == ["a full", "late", "one: two"]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = open_store(url)
    try:
        yield store
    finally:
        await store.aclose()


async def test_a_setting_changed_on_a_replica_is_noticed(redis_sentinel: SentinelDeployment) -> None:
    async with opened(redis_sentinel.url) as store:
        assert await store.misconfigurations() == []
        redis_sentinel.replica.command("CONFIG", "SET", "appendfsync", "everysec")
        try:
            [complaint] = await store.misconfigurations()
        finally:
            redis_sentinel.replica.command("CONFIG", "SET", "appendfsync", "always")
        assert complaint.startswith(f"127.0.0.1:{redis_sentinel.replica.port}: appendfsync everysec")


async def test_replicas_are_found_without_sentinel_too(redis_sentinel: SentinelDeployment) -> None:
    async with opened(redis_sentinel.primary.url) as store:
        redis_sentinel.primary.command("CONFIG", "SET", "min-replicas-to-write", "0")
        redis_sentinel.replica.command("CONFIG", "SET", "appendonly", "no")
        try:
            complaints = await store.misconfigurations()
        finally:
            redis_sentinel.primary.command("CONFIG", "SET", "min-replicas-to-write", "1")
            redis_sentinel.replica.command("CONFIG", "SET", "appendonly", "yes")
        of_primary, of_replica = complaints
        assert "min-replicas-to-write is 0" in of_primary
        assert "appendonly is off" in of_replica


async def test_a_setting_changed_on_any_node_of_a_cluster_is_noticed(
    redis_cluster: ClusterDeployment,
) -> None:
    async with opened(redis_cluster.url) as store:
        redis_cluster.nodes[2].command("CONFIG", "SET", "appendfsync", "no")
        try:
            [complaint] = await store.misconfigurations()
        finally:
            redis_cluster.nodes[2].command("CONFIG", "SET", "appendfsync", "always")
        assert complaint.startswith(f"127.0.0.1:{redis_cluster.nodes[2].port}: appendfsync no")


async def test_a_clock_that_differs_is_noticed(redis_sentinel: SentinelDeployment) -> None:
    store = RedisStore(parse_address(redis_sentinel.primary.url), clock=lambda: time.time() + 60)
    try:
        complaints = await store.misconfigurations()
    finally:
        await store.aclose()
    assert len([each for each in complaints if "more than 5 s behind" in each]) == 2
