"""Stores that have no room left, for the tests of what must work all the same."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis

from shared.storage import Store
from shared.storage.sqlite import SqliteStore
from tests.servers import DURABLE, RedisServer, redis_running

MEMORY = ("--maxmemory", "8mb", "--maxmemory-policy", "noeviction")


class FullRedis:
    """A real Redis, to be filled up with all it may hold."""

    def __init__(self, server: RedisServer) -> None:
        self.url = server.url
        self._server = server

    def around(self, store: Store) -> Store:
        return store

    def fill(self) -> None:
        """Write until Redis refuses a single byte."""
        with redis.Redis.from_url(self.url) as client:
            for size in (100_000, 1_000, 1):
                with suppress(redis.OutOfMemoryError):
                    for number in itertools.count():
                        client.set(f"filling:{size}:{number}", "x" * size)
        # Buffers of connections count, too, and come and go: what they give back must not make room.
        self._server.command("CONFIG", "SET", "maxmemory", "7mb")


class FullSqlite:
    """A SQLite file, to be filled up to its last page."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self._connections: list[sqlite3.Connection] = []

    def around(self, store: Store) -> Store:
        assert isinstance(store, SqliteStore)
        self._connections.append(store._writer._connection)  # noqa: SLF001 -- a limit is of a connection
        return store

    def fill(self) -> None:
        """Let the file not grow, and write until SQLite refuses a single byte."""
        for connection in self._connections:
            connection.execute("PRAGMA max_page_count = 1")  # becomes as many as there are
            for size in (3_000, 100, 1):
                with suppress(sqlite3.OperationalError):
                    for number in itertools.count():
                        key = f"filling:{size}:{number}"
                        connection.execute("INSERT INTO document VALUES (?, ?, 9e999)", (key, b"x" * size))


Full = FullRedis | FullSqlite


@contextmanager
def full_redis(directory: Path) -> Iterator[FullRedis]:
    with redis_running(directory, *DURABLE, *MEMORY) as server:
        yield FullRedis(server)
