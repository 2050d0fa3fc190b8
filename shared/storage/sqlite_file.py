"""The SQLite file: its location, its permissions, its tables."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from pathlib import Path
from urllib.parse import unquote

from shared.logs import get_logger
from shared.storage import sqlite_reserve
from shared.storage.interface import StoreUnavailableError

_log = get_logger(__name__)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

JOURNAL = "WAL"
"""Readers and writers do not wait for each other. SQLite uses another mode if the file system requires it."""

# One step for each change of the tables since the first release; those after `COMPATIBLE_LAYOUT` are applied
# at each start. `expires_at` is in seconds since 1970; infinity keeps a row until it is deleted.
_STEPS = (
    """
CREATE TABLE document (key TEXT PRIMARY KEY, value BLOB NOT NULL, expires_at REAL NOT NULL);
CREATE INDEX document_expiry ON document (expires_at);
CREATE TABLE member (
    index_key TEXT NOT NULL, member TEXT NOT NULL, expires_at REAL NOT NULL, PRIMARY KEY (index_key, member)
) WITHOUT ROWID;
CREATE INDEX member_expiry ON member (expires_at);
""",
    """
CREATE TABLE message (id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, content BLOB NOT NULL);
""",
    """
CREATE TABLE IF NOT EXISTS log (
    name TEXT NOT NULL, time_ms INTEGER NOT NULL, sequence INTEGER NOT NULL, entry BLOB NOT NULL,
    PRIMARY KEY (name, time_ms, sequence)
) WITHOUT ROWID;
""",
)
LAYOUT = len(_STEPS)
"""The newest layout of a file that this release can use."""
COMPATIBLE_LAYOUT = 2
"""The layout in the file's `user_version`: that of the oldest release that can use the file.

A step that only adds tables does not raise it, so that the way back to such a release stays open.
"""


def database_path(url: str) -> Path:
    """Parse ``sqlite:///PATH``; PATH is relative to the working directory, or absolute with a fourth slash.

    Raises:
        ValueError: the URL has a host, a query or a fragment, or does not name a file.
    """
    start = "sqlite:///"
    path = unquote(url.removeprefix(start))
    if not url.startswith(start) or path in ("", "/", ":memory:") or "?" in url or "#" in url:
        raise ValueError(
            "the URL of a SQLite store must be sqlite:///relative/path or sqlite:////absolute/path"
        )
    return Path(path)


def open_database(path: Path, *, busy_timeout_s: float) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """Open the file, accessible to its owner only; create it and its directory if missing.

    Args:
        busy_timeout_s: how long the second connection waits for other processes; the first never waits.

    Returns:
        a connection for reading and one for writing. Any thread may use them, one at a time.

    Raises:
        StoreUnavailableError: the file cannot be opened, or a newer release has changed it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Create the file before SQLite opens it: the write-ahead log inherits its permissions.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        _make_private(path)
        writer = _open_with_tables(path, busy_timeout_s)
        reader = _connect(path, busy_timeout_s)
        reader.execute("PRAGMA busy_timeout = 0")
    except (OSError, sqlite3.Error) as error:
        raise StoreUnavailableError(f"cannot open {path}: {error}") from error
    return reader, writer


def _make_private(path: Path) -> None:
    """Restrict an existing file, and those that SQLite keeps beside it, to their owner."""
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        try:
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & _OTHERS:
                file.chmod(mode & ~_OTHERS)
                _log.warning(
                    "other users could read the store; its permissions are now restricted", file=str(file)
                )
        except FileNotFoundError:
            continue  # SQLite removes them when the last process closes the file
        except PermissionError:
            _log.warning(
                "other users can read the store, and its permissions cannot be changed", file=str(file)
            )


def _open_with_tables(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    deadline = time.monotonic() + busy_timeout_s
    while True:
        connection = _connect(path, busy_timeout_s)
        try:
            _create_tables(connection)
        except BaseException as error:
            connection.close()
            # Other processes may be doing the same, and a change of the journal mode does not wait for them.
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return connection


def _connect(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)


def _create_tables(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_mode = {JOURNAL}")
    connection.execute("BEGIN IMMEDIATE")
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    if layout > LAYOUT:
        raise StoreUnavailableError(f"the store's layout {layout} is of a newer release")
    for step in _STEPS[layout:]:
        for statement in step.split(";"):
            connection.execute(statement)
    if layout < COMPATIBLE_LAYOUT:
        connection.execute(f"PRAGMA user_version = {COMPATIBLE_LAYOUT}")
    connection.execute("COMMIT")
    sqlite_reserve.fill(connection)


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY
