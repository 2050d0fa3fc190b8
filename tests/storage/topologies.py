"""Redis in more than one process: Sentinel with a primary and a replica, Cluster with three primaries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from tests.servers import DURABLE, RedisServer, redis_running, wait_until

SERVICE = "doorward"
SLOTS = 16_384


class Deployment(Protocol):
    """Whatever a store URL can name."""

    @property
    def url(self) -> str: ...

    def empty(self) -> None: ...


class SentinelDeployment:
    """A primary, its replica, and the one Sentinel that decides when to promote it."""

    def __init__(self, primary: RedisServer, replica: RedisServer, sentinel: RedisServer) -> None:
        self.primary, self.replica, self.sentinel = primary, replica, sentinel

    @property
    def url(self) -> str:
        # The first host is not there: the second must be asked.
        return f"redis+sentinel://127.0.0.1:1,127.0.0.1:{self.sentinel.port}/{SERVICE}"

    def empty(self) -> None:
        self.primary.empty()

    def replica_follows(self) -> bool:
        """Whether the replica has caught up and the Sentinel knows it."""
        info = self.replica.command("INFO", "replication")
        replicas = self.sentinel.command("SENTINEL", "REPLICAS", SERVICE)
        return isinstance(info, dict) and info.get("master_link_status") == "up" and bool(replicas)


@contextmanager
def sentinel_running(directory: Path, *, down_after_ms: int = 60_000) -> Iterator[SentinelDeployment]:
    """By default, Sentinel waits long enough not to mistake a busy machine for a dead primary."""
    with ExitStack() as stack:
        arguments = (*DURABLE, "--repl-diskless-sync-delay", "0")
        primary = stack.enter_context(redis_running(directory / "primary", *arguments))
        follow = (*DURABLE, "--replicaof", f"127.0.0.1 {primary.port}")
        replica = stack.enter_context(redis_running(directory / "replica", *follow))
        sentinel = stack.enter_context(_sentinel(directory / "sentinel", primary, down_after_ms))
        yield SentinelDeployment(primary, replica, sentinel)


@contextmanager
def _sentinel(directory: Path, primary: RedisServer, down_after_ms: int) -> Iterator[RedisServer]:
    directory.mkdir()
    configuration = directory / "sentinel.conf"
    configuration.write_text(
        f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 1\n"
        f"sentinel down-after-milliseconds {SERVICE} {down_after_ms}\n"
        f"sentinel failover-timeout {SERVICE} 3000\n"
    )
    with redis_running(directory, str(configuration), "--sentinel") as sentinel:
        yield sentinel


class ClusterDeployment:
    """Three primaries with a third of the slots each."""

    def __init__(self, nodes: list[RedisServer]) -> None:
        self.nodes = nodes

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
def cluster_running(directory: Path) -> Iterator[ClusterDeployment]:
    with ExitStack() as stack:
        arguments = (*DURABLE, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
        nodes = [stack.enter_context(redis_running(directory / name, *arguments)) for name in "abc"]
        for number, node in enumerate(nodes):
            slots = (str(slot) for slot in range(SLOTS) if first_owner(slot) == number)
            node.command("CLUSTER", "ADDSLOTS", *slots)
            node.command("CLUSTER", "MEET", "127.0.0.1", str(nodes[0].port))
        wait_until(lambda: all(_is_whole(node) for node in nodes))
        yield ClusterDeployment(nodes)


def _is_whole(node: RedisServer) -> bool:
    info = node.command("CLUSTER INFO")
    assert isinstance(info, dict)
    return (info["cluster_state"], info["cluster_known_nodes"]) == ("ok", "3")
