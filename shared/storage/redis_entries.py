"""All entries of a store on Redis: found by SCAN, each read and written by one atomic operation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar, cast

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from shared.storage import redis_streams
from shared.storage.entries import (
    READ_AT_ONCE,
    Entry,
    StoredDocument,
    StoredLogEntries,
    StoredMembers,
    chunked,
    in_batches,
)
from shared.storage.interface import START, Position, StoreUnavailableError
from shared.storage.key_spec import PREFIX
from shared.storage.redis_scripts import ADD_MEMBERS, READ_ENTRY, READ_MEMBERS, Script

MEMBERS_AT_ONCE = 1_000
LOG_ENTRIES_AT_ONCE = 100
SCANNED_AT_ONCE = 500
COMMANDS_AT_ONCE = 32
"""More would wait for each other, and the wait counts against the time that each command may take."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Run(Protocol):
    """Runs a script on one key."""

    def __call__(self, script: Script, key: str, *arguments: str | bytes) -> Awaitable[object]:
        """Return the result of the script."""
        ...


class RedisEntries:
    """`shared.storage.entries.Entries` on Redis.

    Args:
        client: iterates over the keys.
        command: executes a command on the node that owns its key, the second argument.
        run: the same for a script. Neither waits for replicas; the last write of a restore does.
    """

    def __init__(
        self,
        client: Redis | RedisCluster,
        command: Callable[..., Awaitable[object]],
        run: Run,
    ) -> None:
        self._client = client
        self._command = command
        self._run = run

    async def read(self) -> AsyncIterator[Sequence[Entry]]:
        # All logs as of one moment, or nearly so: chains of the journal name entries of each other.
        ends, batch = await self._ends_of_logs(), list[str]()
        async for key in self._keys():
            batch.append(key)
            if len(batch) >= READ_AT_ONCE:
                async for entries in self._entries(batch):
                    yield entries
                batch = []
        async for entries in self._entries(batch):
            yield entries

        for log, end in ends.items():
            async for log_entries in self._log_entries(log, end):
                yield [log_entries]

    async def write(self, entries: Sequence[Entry]) -> None:
        for batch in in_batches(entries):
            await _for_each(batch, self._write)

    async def clear(self) -> None:
        batch: list[str] = []
        async for key in self._keys():
            batch.append(key)
            if len(batch) >= READ_AT_ONCE:
                await self._delete(batch)
                batch = []
        await self._delete(batch)

    async def is_empty(self) -> bool:
        async for _ in self._keys():
            return False
        return True

    async def _keys(self, kind: str | None = None) -> AsyncIterator[str]:
        """Iterate over all keys of the store, or those of a Redis type, at least once over each."""
        try:
            await self._client.initialize()
            async for key in self._client.scan_iter(match=f"{PREFIX}*", count=SCANNED_AT_ONCE, _type=kind):
                yield key.decode()
        except (RedisError, RedisClusterException, OSError) as error:
            raise StoreUnavailableError(f"Redis: {type(error).__name__}: {error}") from error

    async def _entries(self, keys: list[str]) -> AsyncIterator[Sequence[Entry]]:
        """Read the entries under `keys`, the documents first."""
        read = await _for_each(keys, partial(self._run, READ_ENTRY))
        results = [cast("list[bytes] | None", result) for result in read]
        existing = [(key, result) for key, result in zip(keys, results, strict=True) if result]
        yield [StoredDocument(key, result[1], _ms(result[0])) for key, result in existing if len(result) == 2]
        for key, result in existing:
            if result == [b"index"]:
                async for members in self._members(key):
                    yield [members]

    async def _members(self, index: str) -> AsyncIterator[StoredMembers]:
        cursor: bytes | str = "0"
        while True:
            # By a script, whose answer redis-py does not convert, also in a cluster.
            answer = await self._run(READ_MEMBERS, index, cursor, str(MEMBERS_AT_ONCE))
            cursor, flat = cast("tuple[bytes, list[bytes]]", answer)
            pairs = list(zip(flat[::2], flat[1::2], strict=True))
            for part in chunked(pairs, MEMBERS_AT_ONCE):
                yield StoredMembers(index, tuple((member.decode(), _ms(score)) for member, score in part))
            if int(cursor) == 0:
                return

    async def _ends_of_logs(self) -> dict[str, Position]:
        """Return the position of the last entry of each log."""
        logs = [log async for log in self._keys("STREAM")]
        answers = await _for_each(logs, lambda log: self._command("XREVRANGE", log, "+", "-", "COUNT", "1"))
        last = zip(logs, map(redis_streams.entries, answers), strict=True)
        return {log: entries[0][0] for log, entries in last if entries}

    async def _log_entries(self, log: str, through: Position) -> AsyncIterator[StoredLogEntries]:
        after, end = START, redis_streams.entry_id(through)
        while True:
            start = f"({redis_streams.entry_id(after)}"
            answer = await self._command("XRANGE", log, start, end, "COUNT", str(LOG_ENTRIES_AT_ONCE))
            if not (entries := redis_streams.entries(answer)):
                return
            yield StoredLogEntries(log, tuple(entries))
            after = entries[-1][0]

    async def _write(self, entry: Entry) -> None:
        if isinstance(entry, StoredDocument):
            expiry = () if entry.expires_at_ms is None else ("PXAT", str(entry.expires_at_ms))
            await self._command("SET", entry.key, entry.value, *expiry)
            return
        if isinstance(entry, StoredLogEntries):
            for position, value in entry.entries:
                await self._append(entry.log, position, value)
            return
        for part in chunked(entry.members, MEMBERS_AT_ONCE):
            arguments = [text for member, ms in part for text in ("inf" if ms is None else str(ms), member)]
            await self._run(ADD_MEMBERS, entry.index, *arguments)

    async def _append(self, log: str, position: Position, value: bytes) -> None:
        try:
            await self._command("XADD", log, redis_streams.entry_id(position), redis_streams.FIELD, value)
        except StoreUnavailableError as error:
            if not redis_streams.is_not_later(error.__cause__):
                raise

    async def _delete(self, keys: list[str]) -> None:
        await _for_each(keys, partial(self._command, "DEL"))


async def _for_each(items: Sequence[Item], call: Callable[[Item], Awaitable[Result]]) -> list[Result]:
    """Await a call for each item, and return the results in their order."""
    results: list[Result] = []
    for part in chunked(items, COMMANDS_AT_ONCE):
        results += await asyncio.gather(*map(call, part))
    return results


def _ms(text: bytes) -> int | None:
    return None if text in (b"", b"inf") else round(float(text))
