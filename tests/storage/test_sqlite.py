"""SQLite only: the file, permissions, crashes, other processes, expiry."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from shared.storage import StoreUnavailableError, open_store, sqlite_file
from shared.storage.sqlite import PURGE_AT_ONCE, PURGE_EVERY_S, SqliteStore
from shared.storage.sqlite_messages import KEPT
from tests.storage.calls import CALLS, CHANNEL, INDEX, KEY

pytestmark = pytest.mark.anyio

WRITES = (
    *("create", "replace", "delete", "put_once", "index_add", "index_add_within", "index_remove"),
    *("publish", "ping"),
)

WRITER = """
import asyncio, sys
from shared.storage import open_store

async def write_on(store, name):
    for number in range(1_000_000):
        key = f"doorward:{name}:{number}"
        await store.create(key, key.encode(), ttl_s=None)
        print(key, flush=True)

async def main():
    store = open_store(sys.argv[1])
    await asyncio.gather(*(write_on(store, name) for name in "abcd"))

asyncio.run(main())
"""


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "doorward.db"


@asynccontextmanager
async def opened(
    path: Path, clock: Clock | None = None, busy_timeout_s: float = 5
) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, clock=clock or Clock(), busy_timeout_s=busy_timeout_s)
    try:
        yield store
    finally:
        await store.aclose()


def rows(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        return count


async def test_directory_and_files_are_the_owners_alone(path: Path) -> None:
    previous = os.umask(0)
    try:
        async with opened(path) as store:
            await store.create(KEY, b"value", ttl_s=None)
            files = list(path.parent.iterdir())
            assert {file.name for file in files} >= {path.name, f"{path.name}-wal"}
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(previous)


async def test_a_file_that_others_could_read_becomes_its_owners_alone(path: Path) -> None:
    async with opened(path) as first:
        await first.create(KEY, b"value", ttl_s=None)
        files = [path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")]
        for file in files:
            file.chmod(0o664)
        async with opened(path) as second:
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
            assert await second.get(KEY) == b"value"


def acknowledged_until_killed(path: Path) -> list[str]:
    """The keys that a writing process said it had written, before it was killed in the middle of it."""
    command = [sys.executable, "-c", WRITER, f"sqlite:///{path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        acknowledged = [process.stdout.readline().strip() for _ in range(500)]
        process.kill()
        return acknowledged + [line.strip() for line in process.stdout if line.endswith("\n")]


async def test_no_acknowledged_write_is_lost_when_the_writing_process_is_killed(path: Path) -> None:
    acknowledged = await asyncio.to_thread(acknowledged_until_killed, path)
    async with opened(path) as store:
        values = [await store.get(key) for key in acknowledged]
    assert values == [key.encode() for key in acknowledged]


async def test_a_key_lives_for_its_lifetime_to_the_second(path: Path) -> None:
    clock = Clock()
    async with opened(path, clock) as store:
        await store.create(KEY, b"value", ttl_s=60)
        await store.index_add(INDEX, "member", ttl_s=60)
        clock.now += 59.9
        assert await store.get(KEY) == b"value"
        assert await store.index_list(INDEX) == ["member"]
        clock.now += 0.1
        assert await store.get(KEY) is None
        assert await store.index_list(INDEX) == []


async def test_what_has_expired_leaves_the_file_a_bounded_amount_at_a_time(path: Path) -> None:
    clock = Clock()
    many = PURGE_AT_ONCE + 100
    async with opened(path, clock) as store:
        await asyncio.gather(
            *(store.create(f"doorward:{number}", b"", ttl_s=1) for number in range(many)),
            *(store.index_add(INDEX, str(number), ttl_s=1) for number in range(many)),
        )
        clock.now += PURGE_EVERY_S + 1
        await store.create("doorward:kept", b"", ttl_s=None)
        assert (rows(path, "document"), rows(path, "member")) == (101, 100)
        await store.create("doorward:kept too", b"", ttl_s=None)
        assert (rows(path, "document"), rows(path, "member")) == (2, 0)


async def test_another_process_that_writes_for_too_long_fails_writes_but_not_reads(path: Path) -> None:
    async with opened(path, busy_timeout_s=0.2) as store:
        await store.create(KEY, b"value", ttl_s=None)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for name in WRITES:
                with pytest.raises(StoreUnavailableError, match="locked"):
                    await CALLS[name](store)
            assert await store.get(KEY) == b"value"
            other.execute("ROLLBACK")
        for name in WRITES:
            await CALLS[name](store)


async def test_writes_wait_for_another_process_and_the_event_loop_goes_on(path: Path) -> None:
    async with opened(path) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            waiting = asyncio.ensure_future(store.create(KEY, b"value", ttl_s=None))
            begin = time.monotonic()
            for _ in range(20):
                await asyncio.sleep(0.001)
            assert time.monotonic() - begin < 1
            assert not waiting.done()
            other.execute("ROLLBACK")
        assert await waiting


async def test_a_reader_that_must_wait_for_a_writer_does_so_off_the_event_loop(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "JOURNAL", "DELETE")
    async with opened(path) as store:
        await store.create(KEY, b"value", ttl_s=None)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            waiting = asyncio.ensure_future(store.get(KEY))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            other.execute("ROLLBACK")
            assert await waiting == b"value"


async def test_a_file_of_a_newer_release_is_refused(path: Path) -> None:
    async with opened(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreUnavailableError, match="newer release"):
        SqliteStore(path)


def test_what_is_not_a_database_is_refused_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("Dear diary, today I was nearly taken for a database. " * 50)
    before = path.read_bytes()
    with pytest.raises(StoreUnavailableError, match="not a database"):
        SqliteStore(path)
    assert path.read_bytes() == before


def test_a_path_that_cannot_be_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="cannot open"):
        SqliteStore(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailableError, match="cannot open"):
        SqliteStore(tmp_path / "file" / "doorward.db")


async def test_a_closed_store_refuses_every_call_but_those_without_the_file(path: Path) -> None:
    store = SqliteStore(path)
    await store.aclose()
    await store.aclose()
    for name in ("get", "index_list", *WRITES):
        with pytest.raises(StoreUnavailableError):
            await CALLS[name](store)


async def test_closing_waits_for_the_writes_under_way(path: Path) -> None:
    store = SqliteStore(path)
    writes = [asyncio.ensure_future(store.create(f"doorward:{n}", b"", ttl_s=None)) for n in range(50)]
    await asyncio.sleep(0)
    await store.aclose()
    assert all(await asyncio.gather(*writes))


async def test_a_subscriber_that_does_not_read_is_told_that_it_missed_messages(path: Path) -> None:
    async with opened(path) as store, store.subscribe(CHANNEL) as messages:
        await store.publish(CHANNEL, b"first")
        assert await anext(messages) == b"first"
        await asyncio.gather(*(store.publish(f"{CHANNEL}:other", b"") for _ in range(KEPT)))
        await store.publish(CHANNEL, b"last")
        for _ in range(2):
            with pytest.raises(StoreUnavailableError, match="missed"):
                await anext(messages)


async def test_a_subscriber_that_is_as_far_behind_as_it_may_be_gets_every_message(path: Path) -> None:
    async with opened(path) as store, store.subscribe(CHANNEL) as messages:
        sent = [str(number).encode() for number in range(KEPT)]
        await asyncio.gather(*(store.publish(CHANNEL, message) for message in sent))
        assert [await anext(messages) for _ in sent] == sent


async def test_messages_leave_the_file(path: Path) -> None:
    async with opened(path) as store:
        await asyncio.gather(*(store.publish(CHANNEL, b"message") for _ in range(KEPT + 10)))
        assert rows(path, "message") == KEPT


async def test_a_message_that_could_not_be_written_leaves_no_gap(path: Path) -> None:
    async with opened(path, busy_timeout_s=0.1) as store, store.subscribe(CHANNEL) as messages:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailableError, match="locked"):
                await store.publish(CHANNEL, b"lost")
            other.execute("ROLLBACK")
        await store.publish(CHANNEL, b"sent")
        assert await anext(messages) == b"sent"


async def test_a_file_of_the_release_before_is_brought_up_to_date(path: Path) -> None:
    async with opened(path) as store:
        await store.create(KEY, b"value", ttl_s=None)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TABLE message")
        connection.execute("DROP TABLE log")
        connection.execute("PRAGMA user_version = 1")
    async with opened(path) as store, store.subscribe(CHANNEL) as messages:
        await store.publish(CHANNEL, b"message")
        assert (await store.get(KEY), await anext(messages)) == (b"value", b"message")


async def test_the_release_before_can_use_the_file_again_if_only_tables_were_added(path: Path) -> None:
    async with opened(path) as store:
        await store.create(KEY, b"value", ttl_s=None)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TABLE log")  # as that release left it
        connection.execute("PRAGMA user_version = 2")
    for _ in range(2):
        async with opened(path) as store:
            assert await store.get(KEY) == b"value"
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (2,)
            assert connection.execute("SELECT count(*) FROM log").fetchone() == (0,)


async def test_a_relative_path_is_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///.doorward/doorward.db")
    await store.aclose()
    assert (tmp_path / ".doorward" / "doorward.db").is_file()
