"""Pages of a SQLite file that are kept for the writes that must succeed while the file is full.

To end a grant, a document grows by a few bytes, for which its page may have no room. `StoreFullError`
promises that this succeeds, so rows without a meaning hold pages that such a write may use.
"""

from __future__ import annotations

import sqlite3

ROWS = 32
"""Each holds a page of 4 KiB, which is the usual size. A write that splits pages needs a few."""

# Without a new layout: releases that do not know the table can use the file.
_CREATE = "CREATE TABLE IF NOT EXISTS reserve (id INTEGER PRIMARY KEY, room BLOB NOT NULL)"
_FILL = "INSERT OR IGNORE INTO reserve VALUES (?, zeroblob(4000))"
_FREE = "DELETE FROM reserve WHERE id = (SELECT max(id) FROM reserve)"


def fill(db: sqlite3.Connection) -> bool:
    """Keep all pages again if there is room; return whether they are kept.

    In a transaction of its own: SQLite ends the whole transaction in which a write finds no room.

    Raises:
        sqlite3.OperationalError: the file cannot be written for another reason.
    """
    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute(_CREATE)
        for number in range(ROWS):
            db.execute(_FILL, (number,))
        db.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        if not is_full(error):
            raise
        return False
    return True


def free_one(db: sqlite3.Connection) -> bool:
    """Free a kept page; return whether there was one. Not inside of a transaction."""
    return db.execute(_FREE).rowcount == 1


def is_full(error: Exception) -> bool:
    """Whether SQLite had no room for a write."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
