"""Documents may grow a little while a SQLite file is full, whatever the layout of its pages (OP-3)."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest

from shared.storage.interface import MAX_GROWTH, StoreFullError
from shared.storage.sqlite import SqliteStore
from shared.storage.sqlite_file import open_database
from shared.storage.sqlite_reserve import ROWS, fill, free_one

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-3")]

DOCUMENTS = 8


def fill_up(db: sqlite3.Connection) -> None:
    """Let the file not grow, and write until SQLite refuses a single byte."""
    db.execute("PRAGMA max_page_count = 1")  # becomes as many as there are
    for size in (3_000, 100, 1):
        with suppress(sqlite3.OperationalError):
            for number in itertools.count():
                key = f"doorward:x:{number % 7}:{size}:{number}"
                db.execute("INSERT INTO document VALUES (?, ?, 9e999)", (key, b"x" * size))


@pytest.mark.parametrize("size", [100, 900, 1_700, 3_900])
async def test_documents_grow_while_the_file_is_full_but_no_new_one_is_kept(
    tmp_path: Path, size: int
) -> None:
    store = SqliteStore(tmp_path / "doorward.db")
    before = b"v" * size
    for number in range(DOCUMENTS):
        assert await store.create(f"doorward:x:{number}", before, ttl_s=None)
    fill_up(store._writer._connection)  # noqa: SLF001 -- a limit is of a connection
    after = b"w" * (size + MAX_GROWTH)
    for number in range(DOCUMENTS):
        assert await store.replace(f"doorward:x:{number}", before, after, ttl_s=None)
        assert await store.get(f"doorward:x:{number}") == after
    with pytest.raises(StoreFullError):
        await store.replace("doorward:x:0", after, after + b"x" * (ROWS * 4_096 + MAX_GROWTH), ttl_s=None)
    await store.aclose()


async def test_a_full_file_without_kept_pages_can_be_opened_to_delete(
    tmp_path: Path,
) -> None:
    reader, db = open_database(tmp_path / "doorward.db", busy_timeout_s=1)
    while free_one(db):
        pass
    fill_up(db)
    assert not fill(db)
    assert not db.in_transaction
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.close()
    reader.close()
    with patch("shared.storage.sqlite_file._connect", partial(limited, pages=pages)):
        store = SqliteStore(tmp_path / "doorward.db")
    assert await store.delete("doorward:x:0:3000:0")
    await store.aclose()


def limited(path: Path, busy_timeout_s: float, *, pages: int) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA max_page_count = {pages}")
    return connection


async def test_pages_are_kept_again_as_soon_as_there_is_room(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "doorward.db")
    assert await store.create("doorward:x:0", b"v" * 3_900, ttl_s=None)
    db = store._writer._connection  # noqa: SLF001 -- a limit is of a connection
    fill_up(db)
    assert await store.replace("doorward:x:0", b"v" * 3_900, b"w" * 4_400, ttl_s=None)
    db.execute("PRAGMA max_page_count = 1000000")
    await store.delete("doorward:x:0")
    await store.aclose()
    db = sqlite3.connect(tmp_path / "doorward.db")  # not by `open_database`, which keeps pages, too
    assert db.execute("SELECT count(*) FROM reserve").fetchone() == (ROWS,)
    db.close()
