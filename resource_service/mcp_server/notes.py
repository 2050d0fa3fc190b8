"""Notes in SQLite, separated by owner and limited in number and size."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

import anyio.to_thread

from shared.clock import Clock

MAX_NOTES = 1_000
MAX_NOTE_CHARACTERS = 4_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (
    owner TEXT NOT NULL,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    written_at INTEGER NOT NULL,
    PRIMARY KEY (owner, number)
) WITHOUT ROWID
"""

Result = TypeVar("Result")


class NotesFullError(Exception):
    """The owner has reached the maximum number of notes."""


@dataclass(frozen=True, slots=True)
class StoredNote:
    """One note.

    Attributes:
        number: a counter from 1, for each owner.
        written_at: seconds since 1970.
    """

    number: int
    text: str
    written_at: int


class Notes:
    """The notes of all owners.

    Args:
        url: ``sqlite://`` for memory, ``sqlite:///PATH`` for a file, which is created if it does not exist.
        clock: gives the time at which a note is written.
        max_notes: the maximum for each owner.
    """

    def __init__(self, url: str, clock: Clock, *, max_notes: int = MAX_NOTES) -> None:
        self._connection = sqlite3.connect(_file(url), check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(_SCHEMA)
        self._lock = threading.Lock()
        self._clock = clock
        self._max_notes = max_notes

    async def list(self, owner: str) -> list[StoredNote]:
        """Return the notes of `owner`, oldest first."""
        query = "SELECT number, text, written_at FROM notes WHERE owner = ? ORDER BY number"
        return await self._run(
            lambda: [StoredNote(*row) for row in self._connection.execute(query, (owner,))]
        )

    async def count(self, owner: str) -> int:
        """Return the number of notes of `owner`."""
        return await self._run(lambda: self._count(owner))

    async def add(self, owner: str, text: str) -> StoredNote:
        """Add a note for `owner`.

        Args:
            text: at most `MAX_NOTE_CHARACTERS`, checked by the caller.

        Raises:
            NotesFullError: the owner has reached the limit.
        """
        return await self._run(lambda: self._add(owner, text))

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    def _count(self, owner: str) -> int:
        row = self._connection.execute("SELECT count(*) FROM notes WHERE owner = ?", (owner,)).fetchone()
        return int(row[0])

    def _add(self, owner: str, text: str) -> StoredNote:
        with self._connection:
            # Take the write lock first: processes that share a file must not assign the same number twice.
            self._connection.execute("BEGIN IMMEDIATE")
            number = self._count(owner) + 1
            if number > self._max_notes:
                raise NotesFullError
            note = StoredNote(number, text, int(self._clock()))
            insert = "INSERT INTO notes VALUES (?, ?, ?, ?)"
            self._connection.execute(insert, (owner, note.number, note.text, note.written_at))
        return note

    async def _run(self, work: Callable[[], Result]) -> Result:
        def alone() -> Result:
            with self._lock:
                return work()

        return await anyio.to_thread.run_sync(alone)


def _file(url: str) -> str:
    name = unquote(url.removeprefix("sqlite://").removeprefix("/"))
    if not name:
        return ":memory:"
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    return name
