"""Redis in more than one process: Sentinel with a primary and a replica, Cluster with three primaries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from tests.servers import DURABLE, RedisServer, redis_running, wait_until

SERVICE = "doorward"
SLOTS = 16_384


class Deployment(Protocol):
    """Whatever a store URL can name."""

    @property
    def url(self) -> str: ...

    def empty(self) -> None: ...


class SentinelDeployment:
    """A primary, its replicas, and the Sentinels that decide when to promote one of them."""

    def __init__(
        self, primary: RedisServer, replicas: list[RedisServer], sentinels: list[RedisServer]
    ) -> None:
        self.primary, self.replicas, self.sentinels = primary, replicas, sentinels

    @property
    def replica(self) -> RedisServer:
        """The first replica."""
        return self.replicas[0]

    @property
    def sentinel(self) -> RedisServer:
        """The first Sentinel."""
        return self.sentinels[0]

    @property
    def url(self) -> str:
        # The first host is not there: the second must be asked.
        nodes = ",".join(f"127.0.0.1:{port}" for port in (1, *(each.port for each in self.sentinels)))
        return f"redis+sentinel://{nodes}/{SERVICE}"

    def empty(self) -> None:
        self.primary.empty()

    def replica_follows(self) -> bool:
        """Whether every replica has caught up, and the primary and every Sentinel know it."""
        up = all(_replication(each).get("master_link_status") == "up" for each in self.replicas)
        return up and self._primary_counts_them() and all(self._is_known_to(each) for each in self.sentinels)

    def _primary_counts_them(self) -> bool:
        """Whether the primary has their first acknowledgements, which come after their link is up."""
        of_primary = _replication(self.primary)
        states = [of_primary[f"slave{number}"]["state"] for number in range(of_primary["connected_slaves"])]
        good = of_primary.get("min_slaves_good_slaves", len(states))
        return states == ["online"] * len(self.replicas) and good == len(self.replicas)

    def _is_known_to(self, sentinel: RedisServer) -> bool:
        replicas = sentinel.command("SENTINEL", "REPLICAS", SERVICE)
        others = sentinel.command("SENTINEL", "SENTINELS", SERVICE)
        assert isinstance(replicas, list)
        assert isinstance(others, list)
        return (len(replicas), len(others)) == (len(self.replicas), len(self.sentinels) - 1)


def _replication(server: RedisServer) -> dict[str, Any]:
    info = server.command("INFO", "replication")
    assert isinstance(info, dict)
    return info


@contextmanager
def sentinel_running(
    directory: Path,
    *,
    down_after_ms: int = 60_000,
    replicas: int = 1,
    sentinels: int = 1,
    through: Callable[[int], int] = int,
    min_replicas: int = 0,
) -> Iterator[SentinelDeployment]:
    """By default, Sentinel waits long enough not to mistake a busy machine for a dead primary.

    Args:
        min_replicas: the primary's `min-replicas-to-write`.
        through: from the port of the primary to the one by which everybody reaches it.
    """
    with ExitStack() as stack:
        arguments = (*DURABLE, "--repl-diskless-sync-delay", "0")
        # Its replicas may be late by as much as Sentinel waits, on a busy machine.
        max_lag_s = max(10, down_after_ms // 1000)
        required = ("--min-replicas-to-write", str(min_replicas), "--min-replicas-max-lag", str(max_lag_s))
        primary = stack.enter_context(redis_running(directory / "primary", *arguments, *required))
        port = through(primary.port)
        follow = (*arguments, "--replicaof", f"127.0.0.1 {port}")
        following = [
            stack.enter_context(redis_running(directory / f"replica-{number}", *follow))
            for number in range(replicas)
        ]
        deciding = [
            stack.enter_context(
                _sentinel(directory / f"sentinel-{number}", port, down_after_ms, sentinels // 2 + 1)
            )
            for number in range(sentinels)
        ]
        yield SentinelDeployment(primary, following, deciding)


@contextmanager
def _sentinel(directory: Path, port: int, down_after_ms: int, quorum: int) -> Iterator[RedisServer]:
    directory.mkdir()
    configuration = directory / "sentinel.conf"
    configuration.write_text(
        f"sentinel monitor {SERVICE} 127.0.0.1 {port} {quorum}\n"
        f"sentinel down-after-milliseconds {SERVICE} {down_after_ms}\n"
        f"sentinel failover-timeout {SERVICE} 3000\n"
    )
    with redis_running(directory, str(configuration), "--sentinel") as sentinel:
        yield sentinel


class ClusterDeployment:
    """Three primaries with a third of the slots each, and a replica of each where a test wants them."""

    def __init__(self, nodes: list[RedisServer], replicas: list[RedisServer]) -> None:
        self.nodes, self.replicas = nodes, replicas

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:2])

    def empty(self) -> None:
        for node in self.nodes:
            node.empty()


def first_owner(slot: int) -> int:
    """The number of the node that is given `slot` at the start."""
    return slot * 3 // SLOTS


@contextmanager
def cluster_running(directory: Path, *, replicas: bool = False) -> Iterator[ClusterDeployment]:
    with ExitStack() as stack:
        cluster = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
        arguments = (*DURABLE, *cluster, "--repl-diskless-sync-delay", "0")
        names = "abcdef" if replicas else "abc"
        all_nodes = [stack.enter_context(redis_running(directory / name, *arguments)) for name in names]
        nodes, followers = all_nodes[:3], all_nodes[3:]
        for number, node in enumerate(nodes):
            slots = (str(slot) for slot in range(SLOTS) if first_owner(slot) == number)
            node.command("CLUSTER", "ADDSLOTS", *slots)
        for node in all_nodes:
            node.command("CLUSTER", "MEET", "127.0.0.1", str(nodes[0].port))
        wait_until(lambda: all(_is_whole(node, len(all_nodes)) for node in all_nodes))
        for node, follower in zip(nodes, followers, strict=False):
            follower.command("CLUSTER", "REPLICATE", node_id(node))
        wait_until(lambda: all(_follows(node) for node in followers))
        yield ClusterDeployment(nodes, followers)


def node_id(node: RedisServer) -> str:
    """The id of a node in its cluster."""
    answer = node.command("CLUSTER MYID")
    assert isinstance(answer, bytes)
    return answer.decode()


def _follows(node: RedisServer) -> bool:
    info = node.command("INFO", "replication")
    return isinstance(info, dict) and info.get("master_link_status") == "up"


def _is_whole(node: RedisServer, nodes: int) -> bool:
    info = node.command("CLUSTER INFO")
    assert isinstance(info, dict)
    return (info["cluster_state"], info["cluster_known_nodes"]) == ("ok", str(nodes))
