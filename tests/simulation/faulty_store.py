"""A SQLite store that fails, loses answers, delays, and forgets its last writes, as a test says."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from shared.clock import Clock
from shared.storage import StoreUnavailableError
from shared.storage.sqlite import SqliteStore

R = TypeVar("R")

TABLES = ("document", "member", "log")
READS = {"get", "get_many", "confirm", "index_list", "log_read", "log_read_back", "log_last", "time"}
WRITES = {
    *("create", "replace", "delete", "put_once", "count", "uncount", "index_add", "index_add_within"),
    *("index_remove", "log_append", "log_trim", "publish"),
}

Rows = dict[str, list[tuple[Any, ...]]]


class Fault(NamedTuple):
    """The fault of one operation.

    Attributes:
        kind: whether it succeeds, fails before it has an effect, or after it.
        turns: how often others run before it takes effect, and again before its answer arrives.
    """

    kind: Literal["none", "failed", "unanswered"]
    turns: int


class WriterAtOnce:
    """Writes on the event loop, so that the order of writes does not depend on a thread."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.execute("PRAGMA synchronous = OFF")

    async def run(self, job: Callable[[sqlite3.Connection], R], *, may_use_reserve: bool = False) -> R:
        del may_use_reserve  # this file never fills
        self.database.execute("BEGIN IMMEDIATE")
        try:
            return job(self.database)
        finally:
            self.database.execute("COMMIT")


class FaultyStore:
    """Each operation takes the next of the faults; without one it succeeds at once."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._store = SqliteStore(path, clock=clock)
        self._thread, self._writer = self._store._writer, WriterAtOnce(path)  # noqa: SLF001
        self._store._writer = self._writer  # type: ignore[assignment] # noqa: SLF001
        self._faults = deque[Fault]()

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._store, name)
        return partial(self._perform, operation) if name in READS | WRITES else operation

    async def _perform(self, operation: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        fault = self._faults.popleft() if self._faults else Fault("none", 0)
        await _others_run(fault.turns)
        if fault.kind == "failed":
            raise StoreUnavailableError("the request was lost")
        result = await operation(*args, **kwargs)
        await _others_run(fault.turns)
        if fault.kind == "unanswered":
            raise StoreUnavailableError("the answer was lost")
        return result

    def plan(self, faults: Iterable[Fault]) -> None:
        """Set the faults of the next operations."""
        self._faults = deque(faults)

    def rows(self) -> Rows:
        """Return everything in the store."""
        return {table: self._writer.database.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}  # noqa: S608

    def restore(self, rows: Rows) -> None:
        """Put the store back to an earlier state."""
        for table, kept in rows.items():
            self._writer.database.execute(f"DELETE FROM {table}")  # noqa: S608
            for row in kept:
                places = ", ".join("?" * len(row))
                self._writer.database.execute(f"INSERT INTO {table} VALUES ({places})", row)  # noqa: S608

    async def aclose(self) -> None:
        self._store._writer = self._thread  # noqa: SLF001
        await self._store.aclose()
        self._writer.database.close()


async def _others_run(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
