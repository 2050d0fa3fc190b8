"""All entries of a store in a SQLite file, read as of one moment."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from shared.clock import Clock
from shared.storage.entries import (
    READ_AT_ONCE,
    Entry,
    StoredDocument,
    StoredLogEntries,
    StoredMembers,
    in_batches,
)
from shared.storage.interface import Position, StoreUnavailableError

_DOCUMENTS = "SELECT key, value, expires_at FROM document WHERE expires_at > ?"
_MEMBERS = "SELECT index_key, member, expires_at FROM member WHERE expires_at > ? ORDER BY index_key"
_LOGS = "SELECT name, time_ms, sequence, entry FROM log ORDER BY name, time_ms, sequence"
_ANY = """
SELECT EXISTS (SELECT 1 FROM document WHERE expires_at > :now)
OR EXISTS (SELECT 1 FROM member WHERE expires_at > :now)
OR EXISTS (SELECT 1 FROM log)
"""
_PUT_DOCUMENT = "INSERT OR REPLACE INTO document (key, value, expires_at) VALUES (?, ?, ?)"
_PUT_MEMBER = "INSERT OR REPLACE INTO member (index_key, member, expires_at) VALUES (?, ?, ?)"
_PUT_LOG_ENTRY = "INSERT OR IGNORE INTO log (name, time_ms, sequence, entry) VALUES (?, ?, ?, ?)"


class Run(Protocol):
    """Runs a job on the connection for writing, in a transaction."""

    def __call__(self, job: Callable[[sqlite3.Connection], Any]) -> Awaitable[Any]:
        """Return the result of the job after the commit."""
        ...


class SqliteEntries:
    """`shared.storage.entries.Entries` in the file at `path`."""

    def __init__(self, path: Path, run: Run, clock: Clock) -> None:
        self._path = path
        self._run = run
        self._clock = clock

    async def read(self) -> AsyncIterator[Sequence[Entry]]:
        # A connection of its own: the transaction sees the file as of its first read, and blocks no writer.
        try:
            with closing(sqlite3.connect(self._path, isolation_level=None)) as db:
                db.execute("BEGIN")
                for rows in _batches(db.execute(_DOCUMENTS, (self._clock(),))):
                    yield [StoredDocument(key, value, _ms(expiry)) for key, value, expiry in rows]
                for rows in _batches(db.execute(_MEMBERS, (self._clock(),))):
                    yield list(_members(rows))
                for rows in _batches(db.execute(_LOGS)):
                    yield list(_log_entries(rows))
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"SQLite: {error}") from error

    async def write(self, entries: Sequence[Entry]) -> None:
        for batch in in_batches(entries):
            await self._run(_putting(batch))

    async def clear(self) -> None:
        def clear(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM document")
            db.execute("DELETE FROM member")
            db.execute("DELETE FROM log")

        await self._run(clear)

    async def is_empty(self) -> bool:
        (exists,) = await self._run(lambda db: db.execute(_ANY, {"now": self._clock()}).fetchone())
        return not exists


def _batches(rows: sqlite3.Cursor) -> Iterator[list[tuple[Any, ...]]]:
    while batch := rows.fetchmany(READ_AT_ONCE):
        yield batch


def _members(rows: list[tuple[str, str, float]]) -> Iterator[StoredMembers]:
    for index, group in groupby(rows, key=lambda row: row[0]):
        yield StoredMembers(index, tuple((member, _ms(expiry)) for _, member, expiry in group))


def _log_entries(rows: list[tuple[str, int, int, bytes]]) -> Iterator[StoredLogEntries]:
    for log, group in groupby(rows, key=lambda row: row[0]):
        yield StoredLogEntries(log, tuple((Position(ms, number), value) for _, ms, number, value in group))


def _putting(batch: list[Entry]) -> Callable[[sqlite3.Connection], None]:
    documents = [(e.key, e.value, _s(e.expires_at_ms)) for e in batch if isinstance(e, StoredDocument)]
    members = [
        (entry.index, member, _s(expiry))
        for entry in batch
        if isinstance(entry, StoredMembers)
        for member, expiry in entry.members
    ]
    logs = [
        (entry.log, *position, value)
        for entry in batch
        if isinstance(entry, StoredLogEntries)
        for position, value in entry.entries
    ]

    def put(db: sqlite3.Connection) -> None:
        db.executemany(_PUT_DOCUMENT, documents)
        db.executemany(_PUT_MEMBER, members)
        db.executemany(_PUT_LOG_ENTRY, logs)

    return put


def _ms(expiry_s: float) -> int | None:
    return None if expiry_s == math.inf else round(expiry_s * 1000)


def _s(expiry_ms: int | None) -> float:
    return math.inf if expiry_ms is None else expiry_ms / 1000
