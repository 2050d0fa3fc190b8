"""Asks every Redis server behind an address for its state: primaries, replicas and nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.exceptions import RedisClusterException, RedisError, ResponseError

from shared.clock import Clock
from shared.storage.redis_info import ServerState
from shared.storage.redis_pipeline import Place

SETTINGS = ("appendfsync", "min-replicas-to-write")
MAX_SERVERS = 100


class Examination:
    """Examines servers, each over a connection of its own that is closed afterwards.

    Args:
        connect: creates a client for one server.
    """

    def __init__(self, connect: Callable[[Place], Redis], clock: Clock) -> None:
        self._connect = connect
        self._clock = clock

    async def server_and_replicas(self, place: Place) -> list[ServerState]:
        """Return the states of a primary and of the replicas that it names.

        Raises:
            RedisError, OSError: the primary does not respond.
        """
        primary = await self._state(place)
        return [primary, *await self._all(_replicas(primary))]

    async def of_sentinel(self, sentinel: Sentinel, service: str) -> list[ServerState]:
        """Return the states of the primary and replicas that the Sentinels name."""
        place = cast("Place", await sentinel.discover_master(service))
        replicas = cast("list[Place]", await sentinel.discover_slaves(service))
        return [await self._state(place), *await self._all(replicas)]

    async def of_cluster(self, client: RedisCluster) -> list[ServerState]:
        """Return the states of all nodes."""
        await client.initialize()
        return await self._all([(str(node.host), int(node.port)) for node in client.get_nodes()])

    async def _all(self, places: Sequence[Place]) -> list[ServerState]:
        return [await self._if_reachable(place) for place in sorted(places)[:MAX_SERVERS]]

    async def _if_reachable(self, place: Place) -> ServerState:
        try:
            return await self._state(place)
        except (RedisError, RedisClusterException, OSError):
            return ServerState(place=_text(place), info=None)

    async def _state(self, place: Place) -> ServerState:
        client = self._connect(place)
        try:
            info = cast("dict[str, object]", await client.info())
            asked_at = self._clock()
            seconds, microseconds = await client.time()
            offset_s = seconds + microseconds / 1e6 - (asked_at + self._clock()) / 2
            settings = {name: value for name in SETTINGS for value in await _setting(client, name)}
        finally:
            await client.aclose()
        return ServerState(place=_text(place), info=info, settings=settings, clock_offset_s=offset_s)


async def _setting(client: Redis, name: str) -> list[str]:
    try:
        answer: Mapping[str | None, str | None] = await client.config_get(name)
    except ResponseError:  # hosted servers often refuse CONFIG
        return []
    return [str(answer[name])] if name in answer else []


def _replicas(primary: ServerState) -> list[Place]:
    info = primary.info or {}
    listed = [info.get(f"slave{number}") for number in range(int(str(info.get("connected_slaves", 0))))]
    return [(str(each["ip"]), int(each["port"])) for each in listed if isinstance(each, dict)]


def _text(place: Place) -> str:
    return f"{place[0]}:{place[1]}"
