"""The revocation log: what was revoked, in a second place, so that a restored backup does not revive it.

An entry is the key of a document that was revoked or deleted, or says that one was disabled. It is kept as
long as the document could have been. No key is a secret.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

from shared.clock import Clock, system_clock
from shared.logs import get_logger
from shared.storage import own_keys
from shared.storage.interface import StoreUnavailableError

if TYPE_CHECKING:
    from shared.storage.interface import Store

_log = get_logger(__name__)

LONGEST_S = 400 * 86_400
"""For documents that do not expire: as old as a backup may be without them."""

_FILE = "file:///"
_NAME = "revoked-until-%Y-%m-%d"


class RevocationLog(Protocol):
    """Records what a restore must leave out."""

    async def record(self, key: str, kept_s: int) -> None:
        """Record that the document under `key` was revoked; return once that is written.

        Args:
            kept_s: seconds until the document would have expired.

        Raises:
            StoreUnavailableError: it may not have been written.
        """
        ...

    async def revoked(self) -> set[str]:
        """Return the keys of all that was recorded and has not expired.

        Raises:
            StoreUnavailableError: the log cannot be read.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


class FileRevocationLog:
    """A directory with one file for each day on which entries expire.

    All processes append to the files, and none rewrites them: a file is deleted when its day is over.
    """

    def __init__(self, directory: Path, clock: Clock = system_clock) -> None:
        self._directory = directory
        self._clock = clock

    async def record(self, key: str, kept_s: int) -> None:
        await asyncio.to_thread(self._append, key, kept_s)

    async def revoked(self) -> set[str]:
        return await asyncio.to_thread(self._read)

    async def aclose(self) -> None:
        return None

    def _append(self, key: str, kept_s: int) -> None:
        day = datetime.fromtimestamp(self._clock() + max(0, kept_s), UTC)
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._delete_old()
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            descriptor = os.open(self._directory / day.strftime(_NAME), flags, 0o600)
            try:
                # The line break comes first, too, in case an earlier entry was cut off by a power failure.
                line = f"\n{key}\n".encode()
                if os.write(descriptor, line) < len(line):
                    raise OSError("the disk is full")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreUnavailableError(f"the revocation log: {error}") from error

    def _read(self) -> set[str]:
        try:
            if not self._directory.is_dir():
                raise StoreUnavailableError(f"the revocation log: there is no directory {self._directory}")
            return {key for path in self._files() for key in path.read_text().split("\n") if key}
        except OSError as error:
            raise StoreUnavailableError(f"the revocation log: {error}") from error

    def _files(self) -> Iterator[Path]:
        return (path for path in self._directory.iterdir() if _day(path) is not None)

    def _delete_old(self) -> None:
        today = datetime.fromtimestamp(self._clock(), UTC).date()
        for path in self._files():
            day = _day(path)
            if day and day < today:
                path.unlink(missing_ok=True)


class StoreRevocationLog:
    """An index in another store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def record(self, key: str, kept_s: int) -> None:
        await self._store.index_add(own_keys.REVOCATION_LOG, key, ttl_s=max(1, kept_s))

    async def revoked(self) -> set[str]:
        return set(await self._store.index_list(own_keys.REVOCATION_LOG))

    async def aclose(self) -> None:
        await self._store.aclose()


class MayRecordRevocations:
    """A part of every store: its revocation log, if it has one."""

    revocation_log: RevocationLog | None = None

    async def _close_log(self) -> None:
        if self.revocation_log:
            await self.revocation_log.aclose()


def disabled_entry(key: str) -> str:
    """Return the entry for a client that was disabled, or for an account, by the key of its subject."""
    return f"disabled {key}"


async def record_in(log: RevocationLog | None, key: str, kept_s: int) -> None:
    """Record a revocation, if there is a log. A log that fails does not stop the revocation itself."""
    if log is None:
        return
    try:
        await log.record(key, kept_s)
    except StoreUnavailableError as error:
        _log.error("revocation not recorded in the revocation log", key=key, reason=str(error))


def log_directory(url: str) -> Path:
    """Parse ``file:///PATH``, which is absolute.

    Raises:
        ValueError: the URL has another form.
    """
    path = unquote(url.removeprefix(_FILE))
    if not url.startswith(_FILE) or not path or "?" in url or "#" in url:
        raise ValueError("the URL of a revocation log in files must be file:///absolute/directory")
    return Path("/") / path


def _day(path: Path) -> date | None:
    try:
        return datetime.strptime(path.name, _NAME).replace(tzinfo=UTC).date()
    except ValueError:
        return None
