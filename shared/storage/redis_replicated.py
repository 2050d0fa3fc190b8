"""Writes that wait until replicas have them, in groups: each group is followed by one WAIT.

WAIT refers to the last write of its connection, so these writes have a connection of their own to each
server: reads do not queue behind a WAIT, and no other write comes in between. A group leaves when the
previous one was answered, and contains all that was requested meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from shared.storage.redis_connection import Argument
from shared.storage.redis_pipeline import RedisPipeline

Command = tuple[Argument, ...]


class ReplicatedWrites:
    """Sends writes to one server, each followed by WAIT.

    Args:
        replicas: how many replicas must have a write.
        timeout_s: how long WAIT may take.
    """

    def __init__(self, pipeline: RedisPipeline, *, replicas: int, timeout_s: float) -> None:
        self._pipeline = pipeline
        self._wait = ("WAIT", str(replicas), str(int(timeout_s * 1000)))
        self._replicas = replicas
        self._queued: list[tuple[Sequence[Command], asyncio.Future[tuple[object, bool]]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def execute(self, *commands: Command) -> tuple[object, bool]:
        """Send `commands` one directly after the other.

        Returns:
            the answer to the last of them, and whether enough replicas have all that was written until then.

        Raises:
            RedisError, OSError: as `RedisPipeline.execute`.
        """
        answer: asyncio.Future[tuple[object, bool]] = asyncio.get_running_loop().create_future()
        self._queued.append((commands, answer))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return await answer

    def disconnect(self) -> None:
        """Close the connection until the next write."""
        self._pipeline.disconnect()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._pipeline.aclose()

    async def _send(self) -> None:
        while self._queued:
            group, self._queued = self._queued, []
            commands = [command for each, _ in group for command in each]
            try:
                *answers, replicas = await self._pipeline.execute_all([*commands, self._wait])
            except Exception as error:  # noqa: BLE001 -- every caller gets it
                answers, replicas = [error] * len(commands), error
            _deliver(group, answers, replicas, self._replicas)
        self._sending = None


class ServerWrites:
    """The writes to a single server, or to the primary that Sentinel names."""

    def __init__(self, writes: ReplicatedWrites) -> None:
        self._writes = writes

    async def execute(self, key: str, command: Command) -> tuple[object, bool]:
        """Write to `key`; as `ReplicatedWrites.execute`."""
        return await self._writes.execute(command)

    def disconnect(self) -> None:
        """Close the connection until the next write."""
        self._writes.disconnect()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._writes.aclose()


def _deliver(
    group: Sequence[tuple[Sequence[Command], asyncio.Future[tuple[object, bool]]]],
    answers: Sequence[object],
    replicas: object,
    required: int,
) -> None:
    position = 0
    for commands, future in group:
        position += len(commands)
        answer = answers[position - 1]
        if future.done():
            continue
        if isinstance(answer, Exception):
            # A separate error for each: one exception raised in two tasks mixes up their tracebacks.
            future.set_exception(type(answer)(*answer.args))
        else:
            enough = not isinstance(replicas, Exception) and cast("int", replicas) >= required
            future.set_result((answer, enough))
