"""Faults of real stores under load: what was acknowledged, and what of it is missing afterwards.

Each scenario is repeated DOORWARD_SOAK_FAULTS times in a soak run. `test_summary.py` prints the table.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest

from shared.storage import Durability
from tests.auth_service.service import AuthorizationServer, running
from tests.faults.ledger import Outcome, only_outages, under_load
from tests.faults.slow_network import slow_network
from tests.faults.trial import ROUNDS, nothing_missing, tried, two_servers
from tests.flow import Client
from tests.machine import require
from tests.servers import RedisServer, redis_running, wait_until
from tests.storage.topologies import (
    SERVICE,
    ClusterDeployment,
    SentinelDeployment,
    cluster_running,
    node_id,
    sentinel_running,
)

pytestmark = [
    pytest.mark.long,
    pytest.mark.requirement("OP-3", "AS-5", "AS-13", "AS-16"),
    pytest.mark.xdist_group("faults"),
]

REPLICATED = Durability("replicated")
FROZEN_S = 4.0
T = TypeVar("T")


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    require("redis-server")
    with redis_running(tmp_path_factory.mktemp("single")) as server:
        yield server


def nothing() -> None:
    """The fault has ended by itself."""


def test_a_killed_redis_that_syncs_each_write_loses_nothing(single: RedisServer) -> None:
    nothing_missing(tried("one Redis, kill -9", single.url, single.kill, single.start))


def test_a_frozen_redis_loses_nothing(single: RedisServer) -> None:
    def freeze() -> None:
        with single.frozen():
            ended = time.monotonic() + FROZEN_S
            wait_until(lambda: time.monotonic() > ended)

    nothing_missing(tried("one Redis, frozen for 4 s", single.url, freeze, nothing))


def test_a_full_redis_loses_nothing(single: RedisServer) -> None:
    def fill() -> None:
        single.command("CONFIG", "SET", "maxmemory", "1")
        ended = time.monotonic() + 1
        wait_until(lambda: time.monotonic() > ended)

    def empty() -> None:
        single.command("CONFIG", "SET", "maxmemory", "0")

    nothing_missing(tried("one Redis, out of memory", single.url, fill, empty))


def test_a_network_that_is_slow_and_cut_loses_nothing(single: RedisServer) -> None:
    with slow_network(single.port) as network:

        def cut() -> None:
            network.delay_s = 0.2
            ended = time.monotonic() + 1
            wait_until(lambda: time.monotonic() > ended)
            network.cut()

        def mend() -> None:
            network.delay_s = 0.0
            network.mend()

        url = f"redis://127.0.0.1:{network.port}"
        nothing_missing(tried("one Redis, network slow, then cut", url, cut, mend))


def test_a_sentinel_failover_loses_nothing_that_replicas_confirmed(tmp_path: Path) -> None:
    require("redis-server")
    with sentinel_running(tmp_path, down_after_ms=1_000, replicas=2, sentinels=3) as redis:
        wait_until(redis.replica_follows)

        def fail_over() -> None:
            primary = primary_of(redis)
            primary.kill()
            wait_until(lambda: primary_of(redis) is not primary, timeout_s=30)

        def rejoin() -> None:
            for server in (redis.primary, *redis.replicas):
                if not server.answers():
                    server.start()

        durability = Durability("replicated", 2 if ROUNDS == 1 else 1)
        nothing_missing(
            tried("Sentinel 1+2, kill -9 of the primary", redis.url, fail_over, rejoin, durability)
        )


def primary_of(redis: SentinelDeployment) -> RedisServer:
    """The primary that the first Sentinel names."""
    answer = redis.sentinel.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
    assert isinstance(answer, tuple | list)
    port = int(answer[1])
    [primary] = [server for server in (redis.primary, *redis.replicas) if server.port == port]
    return primary


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterDeployment]:
    require("redis-server")
    with cluster_running(tmp_path_factory.mktemp("cluster"), replicas=True) as deployment:
        yield deployment


def is_primary(server: RedisServer) -> bool:
    info = server.command("INFO", "replication")
    return isinstance(info, dict) and info["role"] == "master"


def fully_replicated(cluster: ClusterDeployment) -> bool:
    """Whether each of three primaries has a replica that follows it."""
    servers = [*cluster.nodes, *cluster.replicas]
    if not all(server.answers() for server in servers):
        return False
    replications = [server.command("INFO", "replication") for server in servers]
    infos = [info for info in replications if isinstance(info, dict)]
    primaries = [info for info in infos if info["role"] == "master"]
    up = [info for info in infos if info.get("master_link_status") == "up"]
    return len(primaries) == len(up) == 3 and all(info["connected_slaves"] == 1 for info in primaries)


def test_a_cluster_failover_loses_nothing_that_replicas_confirmed(cluster: ClusterDeployment) -> None:
    scenario = "Cluster 3+3, kill -9 of a primary"
    nothing_missing(tried(scenario, cluster.url, lambda: fail_over(cluster), nothing, REPLICATED))


def test_resharding_a_cluster_loses_nothing(cluster: ClusterDeployment) -> None:
    wait_until(lambda: fully_replicated(cluster), timeout_s=30)
    nothing_missing(
        tried("Cluster 3+3, slots moved", cluster.url, lambda: move_slots(cluster, MOVED_SLOTS), nothing)
    )


def move_slots(cluster: ClusterDeployment, count: int) -> None:
    """Move slots with their keys from one primary to another."""
    primaries = [node for node in (*cluster.nodes, *cluster.replicas) if is_primary(node)]
    source, target = primaries[:2]
    owned = slots_of(source)[:count]
    for slot in map(str, owned):
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", node_id(source))
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", node_id(target))
        while names := source.command("CLUSTER", "GETKEYSINSLOT", slot, "100"):
            assert isinstance(names, list)
            there = ("127.0.0.1", str(target.port), "", "0", "5000", "KEYS")
            source.command("MIGRATE", *there, *(name.decode() for name in names))
        for node in (target, source):
            node.command("CLUSTER", "SETSLOT", slot, "NODE", node_id(target))


def slots_of(node: RedisServer) -> list[int]:
    """The slots of a primary."""
    ranges = node.command("CLUSTER", "SLOTS")
    assert isinstance(ranges, list)
    return [slot for first, last, at, *_ in ranges if at[1] == node.port for slot in range(first, last + 1)]


def test_killing_sqlite_and_its_process_loses_nothing(tmp_path: Path) -> None:
    """The process is the test's own, so its death is a copy of the files at any moment, opened elsewhere."""
    url, copy = f"sqlite:///{tmp_path}/store.db", tmp_path / "copy"
    outcome = Outcome("SQLite, power cut, fsync")
    with running(url) as server:
        with under_load(outcome, [server]) as load:
            load.goes_on()
        tokens = server.connect()
        shutil.copytree(tmp_path, copy, ignore=lambda *_: ["copy"])
    with running(f"sqlite:///{copy}/store.db", issuer=server.issuer) as survivor:
        assert survivor.is_active(tokens["access_token"])
    nothing_missing(outcome)


MOVED_SLOTS = 30 * ROUNDS
SEEDS = int(os.environ.get("DOORWARD_SOAK_SEEDS", "8"))
WAVE = 4
SEEDS_OF_A_FAILOVER = 15


def test_a_revocation_wins_against_parallel_refreshes_during_a_failover(cluster: ClusterDeployment) -> None:
    chance, live = random.Random(1), list[int]()  # noqa: S311 -- a schedule, not a secret
    with two_servers(cluster.url, REPLICATED) as servers, ThreadPoolExecutor(WAVE + 2) as pool:
        for seed in range(SEEDS):
            client = until_answered(servers[0].register)
            tokens = until_answered(partial(servers[0].connect, client))
            failover = pool.submit(fail_over, cluster) if seed % SEEDS_OF_A_FAILOVER == 1 else None
            access_tokens = revoked_amid_refreshes(servers, client, tokens, pool, at=chance.choice(servers))
            if tokens_left(access_tokens, servers):
                live.append(seed)
            if failover is not None:
                failover.result()
        for server in servers:
            only_outages(server)
    sys.stdout.write(f"{SEEDS} seeds of a revocation against {WAVE} refreshes, live afterwards: {live}\n")
    assert live == []


def revoked_amid_refreshes(
    servers: list[AuthorizationServer],
    client: Client,
    tokens: dict[str, Any],
    pool: ThreadPoolExecutor,
    *,
    at: AuthorizationServer,
) -> list[str]:
    """All access tokens that a client was given, after its revocation was acknowledged."""
    token = tokens["refresh_token"]
    refreshing = [pool.submit(refreshed, servers[number % 2], client, token) for number in range(WAVE)]
    pool.submit(revoke, at, client, token).result()
    answers = [each.result() for each in refreshing]
    return [tokens["access_token"], *(answer["access_token"] for answer in answers if answer)]


def tokens_left(access_tokens: list[str], servers: list[AuthorizationServer]) -> bool:
    """Whether one of the tokens is accepted by one of the servers."""
    return any(
        until_answered(partial(server.is_active, token)) for server in servers for token in access_tokens
    )


def fail_over(cluster: ClusterDeployment) -> None:
    """Kill a primary, and start it again as a replica of its replica."""
    wait_until(lambda: fully_replicated(cluster), timeout_s=30)
    servers = [*cluster.nodes, *cluster.replicas]
    killed = next(filter(is_primary, servers))
    killed.kill()
    others = [server for server in servers if server is not killed]
    wait_until(lambda: sum(map(is_primary, others)) == 3, timeout_s=30)
    killed.start()
    wait_until(lambda: fully_replicated(cluster), timeout_s=30)


def until_answered(call: Callable[[], T]) -> T:
    """Repeat a call while the server cannot answer."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return call()
        except (AssertionError, KeyError, httpx2.TransportError):
            assert time.monotonic() < deadline
            time.sleep(0.1)  # between attempts, as clients do


def refreshed(server: AuthorizationServer, client: Client, refresh_token: str) -> dict[str, Any] | None:
    response = Client(server.origin, server.http, client.information).refresh(refresh_token)
    return response.json() if response.status_code == 200 else None


def revoke(server: AuthorizationServer, client: Client, refresh_token: str) -> None:
    at = Client(server.origin, server.http, client.information)

    def once() -> None:
        assert at.revoke(refresh_token).status_code == 200

    until_answered(once)
