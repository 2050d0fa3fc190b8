"""Replicated writes to a Redis Cluster: each goes to the primary of its key and waits for its replicas.

redis-py knows which node has a slot. It takes any connection to a node, though, so that a WAIT by it would
refer to some other write.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from redis import exceptions as errors
from redis.asyncio import RedisCluster

from shared.storage.redis_errors import OUTAGES_OF_CLUSTERS
from shared.storage.redis_pipeline import Place
from shared.storage.redis_replicated import Command, ReplicatedWrites

MAX_REDIRECTIONS = 5


class ClusterWrites:
    """Sends replicated writes to the nodes of a cluster.

    Args:
        client: knows the nodes and their slots.
        writes_to: creates the connection to a node.
    """

    def __init__(self, client: RedisCluster, writes_to: Callable[[Place], ReplicatedWrites]) -> None:
        self._client = client
        self._writes_to = writes_to
        self._nodes: dict[Place, ReplicatedWrites] = {}

    async def execute(self, key: str, command: Command) -> tuple[object, bool]:
        """Write to `key`; as `ReplicatedWrites.execute`.

        A write that was redirected was not executed, so it is sent again. After any other failure, redis-py
        is made to look for the node again, because only it notices failovers.
        """
        try:
            return await self._redirected(key, command)
        except (errors.ConnectionError, errors.TimeoutError, errors.SlotNotCoveredError, OSError):
            await self._look_again(key)
            raise

    async def aclose(self) -> None:
        """Close all connections."""
        for writes in self._nodes.values():
            await writes.aclose()

    async def _redirected(self, key: str, command: Command) -> tuple[object, bool]:
        await self._client.initialize()
        node = self._client.get_node_from_key(key)
        if node is None:
            raise errors.SlotNotCoveredError(f"no node has the slot of {key}")
        place = str(node.host), int(node.port)
        commands: tuple[Command, ...] = (command,)
        for _ in range(MAX_REDIRECTIONS):
            try:
                return await self._node(place).execute(*commands)
            except errors.ResponseError as error:
                redirection = _redirection(error)
                if redirection is None:
                    raise
            place = redirection.host, redirection.port
            # While a slot moves, the new node accepts only commands directly after ASKING.
            commands = (command,) if isinstance(redirection, errors.MovedError) else (("ASKING",), command)
            if isinstance(redirection, errors.MovedError):
                await self._client.nodes_manager.move_slot(redirection)
        raise errors.RedisClusterException("too many redirections")

    def _node(self, place: Place) -> ReplicatedWrites:
        if place not in self._nodes:
            self._nodes[place] = self._writes_to(place)
        return self._nodes[place]

    async def _look_again(self, key: str) -> None:
        for _ in range(2):  # the first call fails, and makes redis-py forget what it knows
            with suppress(*OUTAGES_OF_CLUSTERS):
                await self._client.get(key)


def _redirection(error: errors.ResponseError) -> errors.AskError | None:
    kind, _, where = str(error).partition(" ")
    if kind == "MOVED":
        return errors.MovedError(where)
    return errors.AskError(where) if kind == "ASK" else None
