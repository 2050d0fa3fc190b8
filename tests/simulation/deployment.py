"""A deployment in which days pass at once: for its clock, its timers, and its store."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from shared.storage.interface import Store
from shared.storage.sqlite import SqliteStore
from tests.auth_service.service import AuthorizationServer, MovableClock, running
from tests.servers import RedisServer, redis_running, wait_until
from tests.simulation.shifted_loop import LOOPS, NAME

STEP_S = 600
ROUNDS = 20
PREFIX = "doorward:"
LIBFAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
_ALL_KEYS = "SELECT key FROM document UNION SELECT index_key FROM member UNION SELECT name FROM log"
_MEMBERS = "SELECT member FROM member WHERE index_key = ?"


class ShiftedStore(Protocol):
    """A store whose clock can be set ahead."""

    url: str

    def advance(self, seconds: float) -> None:
        """Set its clock ahead."""
        ...

    def use(self, store: Store, clock: MovableClock) -> Store:
        """Return the store as the server is to use it."""
        ...

    def keys(self) -> set[str]:
        """Return every key that takes up room, also one that has expired."""
        ...

    def members(self, index: str) -> set[str]:
        """Return the members of an index."""
        ...


class SqliteFile:
    """A SQLite file, read behind the back of the server."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "store.db"
        self.url = f"sqlite:///{self._path}"

    def advance(self, seconds: float) -> None:
        """Its clock is the server's."""

    def use(self, store: Store, clock: MovableClock) -> Store:
        assert isinstance(store, SqliteStore)
        store._clock = clock  # noqa: SLF001 -- it is opened by its URL
        return store

    def keys(self) -> set[str]:
        return self._column(_ALL_KEYS)

    def members(self, index: str) -> set[str]:
        return self._column(_MEMBERS, PREFIX + index)

    def _column(self, query: str, *parameters: str) -> set[str]:
        database = sqlite3.connect(self._path)
        try:
            return {row[0].removeprefix(PREFIX) for row in database.execute(query, parameters)}
        finally:
            database.close()


class ShiftedRedis:
    """A Redis or Valkey that reads how far it is ahead from a file, by libfaketime."""

    def __init__(self, server: RedisServer, shift: Path) -> None:
        self._server = server
        self._shift = shift
        self._ahead_s = 0.0
        self.url = server.url

    def advance(self, seconds: float) -> None:
        self._ahead_s += seconds
        set_shift(self._shift, self._ahead_s)

    def use(self, store: Store, clock: MovableClock) -> Store:
        return store

    def keys(self) -> set[str]:
        keys = self._server.command("KEYS", "*")
        assert isinstance(keys, list)
        # Those that have expired, but take up room, are not listed.
        wait_until(lambda: self._server.command("DBSIZE") == len(keys), timeout_s=60)
        return {key.decode().removeprefix(PREFIX) for key in keys}

    def members(self, index: str) -> set[str]:
        members = self._server.command("ZRANGE", PREFIX + index, "0", "-1")
        assert isinstance(members, list)
        return {member.decode() for member in members}


def set_shift(file: Path, seconds: float) -> None:
    """Write how far a server is ahead; it never reads a half of it."""
    new = file.with_suffix(".new")
    new.write_text(f"+{seconds:.0f}\n")
    new.replace(file)


@contextmanager
def shifted_redis(directory: Path) -> Iterator[ShiftedRedis]:
    """A server under libfaketime, which does not work with every allocator of memory."""
    shift = directory / "shift"
    set_shift(shift, 0)
    faketime = {
        "LD_PRELOAD": str(LIBFAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(shift),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    before = dict(os.environ)
    os.environ.update(faketime)
    try:
        with redis_running(directory / "redis") as server:
            os.environ.clear()
            os.environ.update(before)
            yield ShiftedRedis(server, shift)
    finally:
        os.environ.clear()
        os.environ.update(before)


@dataclass
class Simulated:
    """An authorization server, and its store."""

    server: AuthorizationServer
    store: ShiftedStore
    opened: Store
    passed_s: float = field(default=0.0)

    def advance(self, seconds: float, *, step_s: float = STEP_S) -> None:
        """Let time pass, in steps: what is done in the background is done once in each."""
        left = seconds
        while left > 0:
            step = min(step_s, left)
            self.store.advance(step)
            self.server.clock.advance(step)
            LOOPS[-1].advance(step)
            self.settle()
            left -= step
        self.passed_s += seconds

    def settle(self) -> None:
        """Let go on what waits for the loop or the store."""

        async def rounds() -> None:
            for _ in range(ROUNDS):
                await self.opened.get("simulation")
                await asyncio.sleep(0)
            await self.opened.index_remove("simulation", "nothing")

        asyncio.run_coroutine_threadsafe(rounds(), LOOPS[-1]).result(timeout=60)


@contextmanager
def simulated(store: ShiftedStore, **settings: Any) -> Iterator[Simulated]:
    """A deployment whose clock begins with the time of this host."""
    clock, opened = MovableClock(), list[Store]()

    def around(store_of_server: Store) -> Store:
        opened.append(store.use(store_of_server, clock))
        return opened[0]

    with running(store.url, around=around, clock=clock, loop=NAME, **settings) as server:
        yield Simulated(server, store, opened[0])
