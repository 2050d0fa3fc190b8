"""The store on Redis or Valkey: one server, Sentinel, or Cluster.

Commands to one server, or to the primary that Sentinel names, share one pipelined connection
(`redis_pipeline`); redis-py finds the primary, subscribes, and talks to a Cluster.

Nothing is sent twice: if a connection is lost between a command and its answer, it is unknown whether the
command ran, and only the caller can decide what to do. So redis-py's own retries are off, and every failure
becomes `StoreUnavailableError`. A connection that broke while idle is detected before it is used.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, ParamSpec, TypeVar, cast

from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from shared.cancellation import cancellable
from shared.clock import Clock, system_clock
from shared.logs import get_logger
from shared.storage import own_keys, redis_info, redis_steps, redis_streams
from shared.storage.durability import REPLICATION_TIMEOUT_S, Durability
from shared.storage.interface import (
    Count,
    NotReplicatedError,
    Position,
    StoreUnavailableError,
    check_step,
)
from shared.storage.redis_address import RedisAddress, tls_context
from shared.storage.redis_connection import Argument, Failure, unchanged
from shared.storage.redis_entries import RedisEntries
from shared.storage.redis_errors import OUTAGES_OF_CLUSTERS, unavailable
from shared.storage.redis_examination import Examination
from shared.storage.redis_messages import Messages
from shared.storage.redis_pipeline import PipelineSettings, Place, RedisPipeline
from shared.storage.redis_primary import newest_primaries
from shared.storage.redis_replicated import ReplicatedWrites, ServerWrites
from shared.storage.redis_replicated_cluster import ClusterWrites
from shared.storage.redis_scripts import (
    COUNT,
    INDEX_ADD,
    INDEX_ADD_WITHIN,
    INDEX_LIST,
    INDEX_REMOVE,
    LOG_TRIM,
    REPLACE,
    TIME,
    UNCOUNT,
    Script,
)
from shared.storage.redis_steps import lifetime_ms
from shared.storage.revocation_log import MayRecordRevocations
from shared.storage.steps import ReadMany, Step

P = ParamSpec("P")
R = TypeVar("R")

_log = get_logger(__name__)

CLIENT_NAME = "doorward"
CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 3.0
SENTINEL_TIMEOUT_S = 1.0
"""The limit for connecting to a Sentinel and for its answer: short, to leave time to try the others."""
CALL_TIMEOUT_S = 5.0
"""The limit for any call: waiting for a connection, asking Sentinels, connecting and answering."""
MAX_COMMANDS = 32
MAX_SUBSCRIPTIONS = 32

_FSYNC = Durability()


class RedisStore(MayRecordRevocations):
    """`shared.storage.interface.Store` on Redis. Connects on the first call."""

    def __init__(
        self, address: RedisAddress, durability: Durability = _FSYNC, *, clock: Clock = system_clock
    ) -> None:
        self._address = address
        self._clock = clock
        self._durability = durability
        self._sentinel = _sentinel(address) if address.mode == "sentinel" else None
        self._client = _client(address, self._sentinel)
        failure = partial(unavailable, address)
        self._pipeline = _pipeline(address, self._sentinel, failure) if address.mode != "cluster" else None
        self._replicated = _replicated(self._client, address, self._sentinel, durability)
        self._turns = asyncio.Semaphore(MAX_COMMANDS)
        self._subscriptions = 0

    def get(self, key: str) -> Awaitable[bytes | None]:
        return cast("Awaitable[bytes | None]", self._command("GET", key))

    def get_many(self, keys: Sequence[str]) -> Awaitable[list[bytes | None]]:
        if self._pipeline is None:  # the keys may be on different nodes
            return asyncio.gather(*map(self.get, keys))
        return cast("Awaitable[list[bytes | None]]", self._command("MGET", *keys))

    def in_order(self, steps: Sequence[Step]) -> Awaitable[list[Any]] | None:
        if self._pipeline is None or (self._replicated and any(map(self._waits_for_replicas, steps))):
            return None
        return self._sent_in_order(self._pipeline, steps)

    async def create(self, key: str, value: bytes, *, ttl_s: int | None) -> bool:
        return bool(await self._write(key, *redis_steps.create(key, value, ttl_s)))

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl_s: int | None) -> bool:
        return bool(await self._run(REPLACE, key, old, new, lifetime_ms(ttl_s)))

    async def confirm(self, key: str, value: bytes, *, ttl_s: int | None) -> bool:
        if not self._durability.waits_for(key):
            return True  # no other caller reads a write before it is synced
        return await self.replace(key, value, value, ttl_s=ttl_s)

    async def delete(self, key: str) -> bool:
        return bool(await self._write(key, "DEL", key))

    async def put_once(self, key: str, *, ttl_s: int) -> bool:
        return await self.create(key, b"", ttl_s=ttl_s)

    async def count(self, key: str, *, ttl_s: int, limit: int, by: int = 1) -> Count:
        check_step(by)
        return redis_steps.count_of(await self._run(COUNT, key, str(by), str(limit), lifetime_ms(ttl_s)))

    async def uncount(self, key: str, *, by: int = 1) -> None:
        check_step(by)
        await self._run(UNCOUNT, key, str(by))

    async def index_add(self, index: str, member: str, *, ttl_s: int | None) -> None:
        await self._run(INDEX_ADD, index, member, lifetime_ms(ttl_s))

    async def index_add_within(self, index: str, member: str, *, ttl_s: int | None, limit: int) -> bool:
        return bool(await self._run(INDEX_ADD_WITHIN, index, member, lifetime_ms(ttl_s), str(limit)))

    async def index_remove(self, index: str, member: str) -> None:
        await self._run(INDEX_REMOVE, index, member)

    async def index_list(self, index: str) -> list[str]:
        members = cast("list[bytes]", await self._run(INDEX_LIST, index, reads=True))
        return sorted(member.decode() for member in members)

    async def log_append(self, log: str, position: Position, entry: bytes) -> bool:
        try:
            await self._write(log, "XADD", log, redis_streams.entry_id(position), redis_streams.FIELD, entry)
        except StoreUnavailableError as error:
            if redis_streams.is_not_later(error.__cause__):
                return False
            raise
        return True

    async def log_read(self, log: str, *, after: Position, limit: int) -> list[tuple[Position, bytes]]:
        start = f"({redis_streams.entry_id(after)}"
        return redis_streams.entries(await self._command("XRANGE", log, start, "+", "COUNT", str(limit)))

    async def log_read_back(self, log: str, *, before: Position, limit: int) -> list[tuple[Position, bytes]]:
        start = f"({redis_streams.entry_id(before)}"
        return redis_streams.entries(await self._command("XREVRANGE", log, start, "-", "COUNT", str(limit)))

    async def log_last(self, log: str) -> tuple[Position, bytes] | None:
        last = redis_streams.entries(await self._command("XREVRANGE", log, "+", "-", "COUNT", "1"))
        return last[0] if last else None

    async def log_trim(self, log: str, *, before: Position) -> None:
        await self._run(LOG_TRIM, log, redis_streams.entry_id(before))

    async def publish(self, channel: str, message: bytes) -> None:
        await self._command("PUBLISH", self._channel(channel), message)

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[AsyncIterator[bytes]]:
        if self._subscriptions >= MAX_SUBSCRIPTIONS:
            raise StoreUnavailableError(f"{MAX_SUBSCRIPTIONS} subscriptions are open already")
        self._subscriptions += 1
        try:
            await self._call(self._client.initialize)
            pubsub = self._client.pubsub()
            try:
                await self._call(_subscribe, pubsub, self._channel(channel))
                yield Messages(pubsub, self._address)
            finally:
                await pubsub.aclose()  # type: ignore[no-untyped-call]
        finally:
            self._subscriptions -= 1

    async def time(self) -> float:
        await self._leave_old_primary()
        # By a script, because it has a key: all processes get the clock of the same node of a Cluster.
        seconds, microseconds = cast("list[bytes]", await self._run(TIME, own_keys.PING))
        return int(seconds) + int(microseconds) / 1_000_000

    async def _leave_old_primary(self) -> None:
        """Disconnect from a server that a failover replaced, which it may not know."""
        if self._sentinel is None or self._pipeline is None:
            return
        primaries = await cancellable(newest_primaries(self._sentinel, self._address.service))
        if primaries and self._pipeline.is_elsewhere(primaries):
            _log.warning(
                "the connection was to a primary that a failover has replaced", primaries=sorted(primaries)
            )
            self._pipeline.disconnect()
            if isinstance(self._replicated, ServerWrites):
                self._replicated.disconnect()
            if isinstance(self._client, Redis):
                await self._client.connection_pool.disconnect()

    async def ping(self) -> None:
        # A replica also answers PING, and so does a server whose memory or disk is full.
        await self._command("SET", own_keys.PING, b"", "PX", "1000")

    async def misconfigurations(self) -> list[str]:
        servers = await self._call(self._servers)
        return redis_info.misconfigurations(servers, self._durability)

    async def memory_limit(self) -> int | None:
        return redis_info.memory_limit(await self._call(self._servers))

    async def _servers(self) -> list[redis_info.ServerState]:
        address = self._address
        examination = Examination(lambda place: _client_of(address, place), self._clock)
        if isinstance(self._client, RedisCluster):
            return await examination.of_cluster(self._client)
        if self._sentinel:
            return await examination.of_sentinel(self._sentinel, address.service)
        return await examination.server_and_replicas(address.nodes[0])

    def entries(self) -> RedisEntries:
        return RedisEntries(self._client, self._command, partial(self._run, reads=True))

    async def aclose(self) -> None:
        await self._close_log()
        if self._pipeline:
            await self._pipeline.aclose()
        if self._replicated:
            await self._replicated.aclose()
        await self._client.aclose()
        if isinstance(self._client, RedisCluster):
            # After a failure, its own aclose leaves these open until it has found the cluster again.
            await self._client.nodes_manager.aclose()
            await self._client.nodes_manager.aclose("startup_nodes")
        if self._sentinel:
            await self._sentinel.aclose()

    def _channel(self, channel: str) -> str:
        """Qualify the name: channels, unlike keys, are shared by all databases of a server."""
        return f"{channel}@{self._address.database}" if self._address.database else channel

    async def _run(self, script: Script, key: str, *arguments: str | bytes, reads: bool = False) -> object:
        send = self._command if reads else partial(self._write, key)
        try:
            return await send("EVALSHA", script.digest, "1", key, *arguments)
        except StoreUnavailableError as error:
            if not isinstance(error.__cause__, NoScriptError):
                raise
        return await send("EVAL", script.text, "1", key, *arguments)

    def _waits_for_replicas(self, step: Step) -> bool:
        return not isinstance(step, ReadMany) and self._durability.waits_for(step.key)

    @staticmethod
    async def _sent_in_order(pipeline: RedisPipeline, steps: Sequence[Step]) -> list[Any]:
        answers = await pipeline.execute_in_order([redis_steps.command_of(step) for step in steps])
        return redis_steps.results(steps, answers)

    async def _write(self, key: str, *arguments: Argument) -> object:
        if self._replicated is None or not self._durability.waits_for(key):
            return await self._command(*arguments)
        try:
            answer, replicated = await cancellable(self._replicated.execute(key, arguments))
        except OUTAGES_OF_CLUSTERS as error:
            raise unavailable(self._address, error) from error
        if answer and not replicated:
            raise NotReplicatedError(
                f"{self._address}: {self._durability.replicas} replicas did not confirm a write in time"
            )
        return answer

    def _command(self, *arguments: Argument) -> Awaitable[object]:
        if self._pipeline is None:
            return self._call(self._client.execute_command, *arguments)
        return self._pipeline.execute(arguments)

    async def _call(self, method: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call redis-py under the concurrency limit and CALL_TIMEOUT_S."""
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S), self._turns:
                return await cancellable(method(*args, **kwargs))
        except OUTAGES_OF_CLUSTERS as error:
            raise unavailable(self._address, error) from error


def _sentinel(address: RedisAddress) -> Sentinel:
    options = _connection(address) | {
        "username": address.sentinel_username,
        "password": address.sentinel_password,
        "socket_connect_timeout": SENTINEL_TIMEOUT_S,
        "socket_timeout": SENTINEL_TIMEOUT_S,
    }
    return Sentinel(address.nodes, sentinel_kwargs=options)  # type: ignore[no-untyped-call]


def _client(address: RedisAddress, sentinel: Sentinel | None) -> Redis | RedisCluster:
    options = _connection(address) | {
        "username": address.username,
        "password": address.password,
        "max_connections": MAX_COMMANDS + MAX_SUBSCRIPTIONS,
    }
    if address.mode == "cluster":
        nodes = [ClusterNode(*node) for node in address.nodes]
        # By default redis-py drops all connections every few redirections, with the calls in progress.
        return RedisCluster(startup_nodes=nodes, reinitialize_steps=0, **options)
    options["db"] = address.database
    if sentinel:
        client: Redis = sentinel.master_for(address.service, **options)
        return client
    host, port = address.nodes[0]
    return Redis(host=host, port=port, **options)


def _client_of(address: RedisAddress, place: Place) -> Redis:
    """Return a client for one server of several, which may be a replica."""
    options = _connection(address) | {"username": address.username, "password": address.password}
    return Redis(host=place[0], port=place[1], **options)


def _connection(address: RedisAddress) -> dict[str, Any]:
    return {
        "client_name": CLIENT_NAME,
        "driver_info": None,
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "socket_timeout": ANSWER_TIMEOUT_S,
        **({"ssl": True, **dict(address.tls_files)} if address.tls else {}),
    }


def _pipeline(
    address: RedisAddress, sentinel: Sentinel | None, failure: Failure = unchanged
) -> RedisPipeline:
    async def find() -> Place:
        if sentinel is None:
            return address.nodes[0]
        return cast("Place", await cancellable(sentinel.discover_master(address.service)))

    return RedisPipeline(_pipeline_settings(address, find), failure)


def _pipeline_settings(address: RedisAddress, find: Callable[[], Awaitable[Place]]) -> PipelineSettings:
    return PipelineSettings(
        find=find,
        greeting=_greeting(address),
        name=CLIENT_NAME,
        tls=tls_context(address) if address.tls else None,
        call_timeout_s=CALL_TIMEOUT_S,
        answer_timeout_s=ANSWER_TIMEOUT_S,
    )


def _replicated(
    client: Redis | RedisCluster, address: RedisAddress, sentinel: Sentinel | None, durability: Durability
) -> ServerWrites | ClusterWrites | None:
    if durability.mode != "replicated":
        return None

    def waiting(pipeline: RedisPipeline) -> ReplicatedWrites:
        return ReplicatedWrites(pipeline, replicas=durability.replicas, timeout_s=REPLICATION_TIMEOUT_S)

    if not isinstance(client, RedisCluster):
        return ServerWrites(waiting(_pipeline(address, sentinel)))

    def writes_to(place: Place) -> ReplicatedWrites:
        async def find() -> Place:
            return place

        return waiting(RedisPipeline(_pipeline_settings(address, find)))

    return ClusterWrites(client, writes_to)


def _greeting(address: RedisAddress) -> list[tuple[str, ...]]:
    """Return the commands that make a connection ready for use."""
    user = (address.username,) if address.username else ()
    auth = [("AUTH", *user, address.password)] if address.password else []
    return [*auth, *([("SELECT", str(address.database))] if address.database else [])]


async def _subscribe(pubsub: PubSub, channel: str) -> None:
    await pubsub.subscribe(channel)
    if await pubsub.get_message(timeout=ANSWER_TIMEOUT_S) is None:
        raise TimeoutError("no answer to SUBSCRIBE")
