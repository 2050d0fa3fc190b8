"""The store in one SQLite file, for a single machine without a Redis server.

Reads run on the event loop: in write-ahead mode they never wait, and a read from the page cache takes about
7 us, while handing it to a thread takes 60. Writes go to one thread and share its transactions. Several
processes may have the file open; each change is one statement inside an immediate transaction.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from shared.clock import Clock, system_clock
from shared.storage import own_keys, sqlite_messages
from shared.storage.interface import MAX_GROWTH, Count, Position, StoreUnavailableError, check_step
from shared.storage.revocation_log import MayRecordRevocations
from shared.storage.sqlite_entries import SqliteEntries
from shared.storage.sqlite_file import open_database
from shared.storage.sqlite_messages import Message, Subscription
from shared.storage.sqlite_writer import Writer
from shared.storage.steps import Step

R = TypeVar("R")

BUSY_TIMEOUT_S = 5.0
PURGE_EVERY_S = 60
PURGE_AT_ONCE = 500

_GET = "SELECT value FROM document WHERE key = :key AND expires_at > :now"
_CREATE = """
INSERT INTO document (key, value, expires_at) VALUES (:key, :value, :now + :ttl_s)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
WHERE document.expires_at <= :now
"""
_REPLACE = """
UPDATE document SET value = :new, expires_at = :now + :ttl_s
WHERE key = :key AND value = :old AND expires_at > :now
"""
_DELETE = "DELETE FROM document WHERE key = :key AND expires_at > :now"
# A counter is a document of decimal digits. An expired counter restarts from zero.
_COUNT = """
INSERT INTO document (key, value, expires_at)
SELECT :key, CAST(CAST(:by AS TEXT) AS BLOB), :now + :ttl_s WHERE :by <= :limit
ON CONFLICT (key) DO UPDATE SET
    value = CASE WHEN document.expires_at <= :now THEN excluded.value
        ELSE CAST(CAST(CAST(document.value AS INTEGER) + :by AS TEXT) AS BLOB) END,
    expires_at = CASE WHEN document.expires_at <= :now THEN excluded.expires_at ELSE document.expires_at END
WHERE document.expires_at <= :now OR CAST(document.value AS INTEGER) + :by <= :limit
RETURNING CAST(value AS INTEGER), expires_at
"""
_COUNTED = "SELECT CAST(value AS INTEGER), expires_at FROM document WHERE key = :key AND expires_at > :now"
_UNCOUNT = """
UPDATE document SET value = CAST(CAST(max(0, CAST(value AS INTEGER) - :by) AS TEXT) AS BLOB)
WHERE key = :key AND expires_at > :now
"""
# The plus keeps SQLite from scanning the whole index: expired members are few and have an index of their own.
_INDEX_PRUNE = "DELETE FROM member WHERE +index_key = :index AND expires_at <= :now"
_INDEX_OTHERS = "SELECT count(*) FROM member WHERE index_key = :index AND member <> :member"
_INDEX_ADD = """
INSERT INTO member (index_key, member, expires_at) VALUES (:index, :member, :now + :ttl_s)
ON CONFLICT (index_key, member) DO UPDATE SET expires_at = excluded.expires_at
"""
_INDEX_REMOVE = "DELETE FROM member WHERE index_key = :index AND member = :member"
_INDEX_LIST = "SELECT member FROM member WHERE index_key = :index AND expires_at > :now"
_PURGE_DOCUMENTS = """
DELETE FROM document WHERE rowid IN (SELECT rowid FROM document WHERE expires_at <= :now LIMIT :at_once)
"""
_PURGE_MEMBERS = """
DELETE FROM member WHERE (index_key, member) IN
(SELECT index_key, member FROM member WHERE expires_at <= :now LIMIT :at_once)
"""

_LOG_APPEND = """
INSERT INTO log (name, time_ms, sequence, entry) SELECT :log, :time_ms, :sequence, :entry WHERE NOT EXISTS
(SELECT 1 FROM log WHERE name = :log AND (time_ms, sequence) >= (:time_ms, :sequence))
"""
_LOG_READ = """
SELECT time_ms, sequence, entry FROM log WHERE name = :log AND (time_ms, sequence) > (:time_ms, :sequence)
ORDER BY time_ms, sequence LIMIT :limit
"""
_LOG_READ_BACK = """
SELECT time_ms, sequence, entry FROM log WHERE name = :log AND (time_ms, sequence) < (:time_ms, :sequence)
ORDER BY time_ms DESC, sequence DESC LIMIT :limit
"""
_LOG_LAST = """
SELECT time_ms, sequence, entry FROM log WHERE name = :log ORDER BY time_ms DESC, sequence DESC LIMIT 1
"""
_LOG_TRIM = "DELETE FROM log WHERE name = :log AND (time_ms, sequence) < (:time_ms, :sequence)"


class SqliteStore(MayRecordRevocations):
    """`shared.storage.interface.Store` in the file at `path`, which is created if missing.

    Args:
        clock: determines what has expired; every process that has the file open must use the same clock.
        busy_timeout_s: how long a write waits for another process to finish its write.

    Raises:
        StoreUnavailableError: the file cannot be opened.
    """

    def __init__(
        self, path: Path, *, clock: Clock = system_clock, busy_timeout_s: float = BUSY_TIMEOUT_S
    ) -> None:
        self._reader, writer = open_database(path, busy_timeout_s=busy_timeout_s)
        self._path = path
        self._clock = clock
        self._purge_at = 0.0
        self._subscriptions: set[Subscription] = set()
        self._writer = Writer(writer, self._purge)

    async def get(self, key: str) -> bytes | None:
        row = await self._read(lambda db: db.execute(_GET, {"key": key, "now": self._clock()}).fetchone())
        return row[0] if row else None

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        return [await self.get(key) for key in keys]

    def in_order(self, steps: Sequence[Step]) -> None:
        return None  # each write is a transaction, and waits for none of another process longer than it must

    async def create(self, key: str, value: bytes, *, ttl_s: int | None) -> bool:
        return await self._write(_CREATE, key=key, value=value, ttl_s=_lifetime(ttl_s))

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl_s: int | None) -> bool:
        lifetime = _lifetime(ttl_s)

        def replace(db: sqlite3.Connection) -> bool:
            parameters = self._at_now(key=key, old=old, new=new, ttl_s=lifetime)
            return db.execute(_REPLACE, parameters).rowcount == 1

        return await self._writer.run(replace, may_use_reserve=len(new) <= len(old) + MAX_GROWTH)

    async def confirm(self, key: str, value: bytes, *, ttl_s: int | None) -> bool:
        return True  # no other caller reads a write before it is synced

    async def delete(self, key: str) -> bool:
        return await self._write(_DELETE, key=key)

    async def put_once(self, key: str, *, ttl_s: int) -> bool:
        return await self.create(key, b"", ttl_s=ttl_s)

    async def count(self, key: str, *, ttl_s: int, limit: int, by: int = 1) -> Count:
        check_step(by)
        lifetime = _lifetime(ttl_s)

        def count(db: sqlite3.Connection) -> Count:
            parameters = self._at_now(key=key, ttl_s=lifetime, limit=limit, by=by)
            counted = db.execute(_COUNT, parameters).fetchone()
            row = counted or db.execute(_COUNTED, parameters).fetchone()
            value, expires_at = row or (0, parameters["now"] + lifetime)
            return Count(counted is not None, value, max(1, math.ceil(expires_at - parameters["now"])))

        return await self._writer.run(count)

    async def uncount(self, key: str, *, by: int = 1) -> None:
        check_step(by)
        await self._write(_UNCOUNT, key=key, by=by)

    async def index_add(self, index: str, member: str, *, ttl_s: int | None) -> None:
        lifetime = _lifetime(ttl_s)

        def add(db: sqlite3.Connection) -> None:
            parameters = self._at_now(index=index, member=member, ttl_s=lifetime)
            db.execute(_INDEX_PRUNE, parameters)
            db.execute(_INDEX_ADD, parameters)

        await self._writer.run(add)

    async def index_add_within(self, index: str, member: str, *, ttl_s: int | None, limit: int) -> bool:
        lifetime = _lifetime(ttl_s)

        def add(db: sqlite3.Connection) -> bool:
            parameters = self._at_now(index=index, member=member, ttl_s=lifetime)
            db.execute(_INDEX_PRUNE, parameters)
            (others,) = db.execute(_INDEX_OTHERS, parameters).fetchone()
            if others < limit:
                db.execute(_INDEX_ADD, parameters)
            return bool(others < limit)

        return await self._writer.run(add)

    async def index_remove(self, index: str, member: str) -> None:
        await self._write(_INDEX_REMOVE, index=index, member=member)

    async def index_list(self, index: str) -> list[str]:
        rows = await self._read(lambda db: db.execute(_INDEX_LIST, self._at_now(index=index)).fetchall())
        return sorted(member for (member,) in rows)

    async def log_append(self, log: str, position: Position, entry: bytes) -> bool:
        return await self._write(_LOG_APPEND, log=log, entry=entry, **position._asdict())

    async def log_read(self, log: str, *, after: Position, limit: int) -> list[tuple[Position, bytes]]:
        parameters = {"log": log, "limit": limit, **after._asdict()}
        return await self._read(lambda db: _log_entries(db.execute(_LOG_READ, parameters)))

    async def log_read_back(self, log: str, *, before: Position, limit: int) -> list[tuple[Position, bytes]]:
        parameters = {"log": log, "limit": limit, **before._asdict()}
        return await self._read(lambda db: _log_entries(db.execute(_LOG_READ_BACK, parameters)))

    async def log_last(self, log: str) -> tuple[Position, bytes] | None:
        last = await self._read(lambda db: _log_entries(db.execute(_LOG_LAST, {"log": log})))
        return last[0] if last else None

    async def log_trim(self, log: str, *, before: Position) -> None:
        await self._write(_LOG_TRIM, log=log, **before._asdict())

    async def publish(self, channel: str, message: bytes) -> None:
        await self._writer.run(lambda db: sqlite_messages.publish(db, channel, message))
        for subscription in self._subscriptions:
            subscription.wake()

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[AsyncIterator[bytes]]:
        channel.encode()  # raises ValueError if it is not Unicode
        subscription = Subscription(channel, await self._read(sqlite_messages.last_number), self._messages)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    async def _messages(self, after: int) -> list[Message]:
        return await self._read(lambda db: sqlite_messages.messages_after(db, after))

    async def time(self) -> float:
        return self._clock()

    async def ping(self) -> None:
        await self.delete(own_keys.PING)
        await self.put_once(own_keys.PING, ttl_s=1)

    async def misconfigurations(self) -> list[str]:
        return []

    async def memory_limit(self) -> int | None:
        return None

    def entries(self) -> SqliteEntries:
        return SqliteEntries(self._path, self._writer.run, self._clock)

    async def aclose(self) -> None:
        await self._close_log()
        await self._writer.aclose()
        self._reader.close()

    async def _write(self, statement: str, **parameters: str | bytes | float) -> bool:
        """Run one statement and return whether it changed a row."""
        return await self._writer.run(
            lambda db: db.execute(statement, self._at_now(**parameters)).rowcount == 1
        )

    async def _read(self, query: Callable[[sqlite3.Connection], R]) -> R:
        try:
            return query(self._reader)
        except sqlite3.Error as error:
            # Another process is recovering or removing the write-ahead log: only then must a read wait.
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                return await self._writer.run(query)
            raise StoreUnavailableError(f"SQLite: {error}") from error

    def _purge(self, db: sqlite3.Connection) -> None:
        """Periodically delete expired rows, a bounded number at a time."""
        now = self._clock()
        if now < self._purge_at:
            return
        parameters = {"now": now, "at_once": PURGE_AT_ONCE}
        purged = [db.execute(purge, parameters).rowcount for purge in (_PURGE_DOCUMENTS, _PURGE_MEMBERS)]
        if max(purged) < PURGE_AT_ONCE:
            self._purge_at = now + PURGE_EVERY_S

    def _at_now(self, **parameters: str | bytes | float) -> dict[str, Any]:
        return {"now": self._clock(), **parameters}


def _log_entries(rows: Iterable[tuple[int, int, bytes]]) -> list[tuple[Position, bytes]]:
    return [(Position(time_ms, sequence), entry) for time_ms, sequence, entry in rows]


def _lifetime(ttl_s: int | None) -> float:
    if ttl_s is not None and ttl_s < 1:
        raise ValueError("a lifetime must be at least one second")
    return math.inf if ttl_s is None else ttl_s
