"""Documents may grow a little while a SQLite file is full, whatever the layout of its pages (OP-3)."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import suppress
from pathlib import Path

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


def test_pages_are_kept_again_when_there_is_room(tmp_path: Path) -> None:
    reader, db = open_database(tmp_path / "doorward.db", busy_timeout_s=1)
    db.execute("DELETE FROM reserve WHERE id > 3")
    fill(db)
    assert db.execute("SELECT count(*) FROM reserve").fetchone() == (ROWS,)
    while free_one(db):
        pass
    fill_up(db)
    fill(db)
    assert db.execute("SELECT count(*) FROM reserve").fetchone()[0] < ROWS
    db.close()
    reader.close()
