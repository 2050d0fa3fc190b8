"""The content of a backup, before encryption: lines of JSON.

The first line says when and from which release the backup is. A line follows for each document and each part
of an index; the last line has their numbers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from auth_service.crypto.encrypted_file import DamagedFileError
from shared.storage.entries import Entry, StoredDocument, StoredLogEntries, StoredMembers
from shared.storage.interface import Position

FORMAT = 1
MAX_LINE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class About:
    """The origin of a backup.

    Attributes:
        created_at: when it was begun, in seconds since 1970.
    """

    created_at: int
    release: str


@dataclass
class Progress:
    """The number of entries that were read or written so far."""

    documents: int = 0
    members: int = 0
    log_entries: int = 0

    def add(self, entry: Entry) -> None:
        """Count an entry."""
        if isinstance(entry, StoredDocument):
            self.documents += 1
        elif isinstance(entry, StoredLogEntries):
            self.log_entries += len(entry.entries)
        else:
            self.members += len(entry.members)


class UnsupportedBackupError(Exception):
    """A newer release made the backup."""


async def backup_lines(
    about: About, batches: AsyncIterator[Sequence[Entry]], progress: Progress
) -> AsyncIterator[bytes]:
    """Iterate over the content of a backup, batch by batch."""
    yield _line({"doorward_backup": FORMAT, "created_at": about.created_at, "release": about.release})
    async for batch in batches:
        for entry in batch:
            progress.add(entry)
        yield b"".join(map(_entry_line, batch))
    yield _line(asdict(progress))


class BackupContent:
    """Reads the content of a backup from authenticated chunks.

    Raises:
        DamagedFileError: the content is not that of a backup.
        UnsupportedBackupError: a newer release made it.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._lines = _lines(chunks)
        self.about = _about(next(self._lines, b""))

    def entries(self) -> Iterator[Entry]:
        """Iterate over the entries, once.

        Raises:
            DamagedFileError: the content is not that of a backup, or not whole.
        """
        progress, end = Progress(), None
        for line in self._lines:
            if end is not None:
                raise DamagedFileError("the backup goes on after its end")
            document = _parsed(line)
            if "documents" in document:
                end = document
                continue
            entry = _entry(document)
            progress.add(entry)
            yield entry
        if end != asdict(progress):
            raise DamagedFileError("the backup is not whole")


def _entry_line(entry: Entry) -> bytes:
    if isinstance(entry, StoredMembers):
        return _line({"index": entry.index, "members": entry.members})
    if isinstance(entry, StoredLogEntries):
        return _line({"log": entry.log, "entries": [[*at, _text(value)] for at, value in entry.entries]})
    value = _text(entry.value)
    return _line({"key": entry.key, "value": value, "expires_at_ms": entry.expires_at_ms})


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _entry(document: dict[str, Any]) -> Entry:
    try:
        if "index" in document:
            return StoredMembers(document["index"], tuple((m, ms) for m, ms in document["members"]))
        if "log" in document:
            return StoredLogEntries(document["log"], tuple(map(_log_entry, document["entries"])))
        value = base64.b64decode(document["value"], validate=True)
        return StoredDocument(document["key"], value, document["expires_at_ms"])
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFileError("the backup has an entry of an unknown form") from error


def _log_entry(entry: list[Any]) -> tuple[Position, bytes]:
    time_ms, sequence, value = entry
    return Position(time_ms, sequence), base64.b64decode(value, validate=True)


def _about(line: bytes) -> About:
    document = _parsed(line)
    version = document.get("doorward_backup")
    if not isinstance(version, int):
        raise DamagedFileError("the file is not a backup of Doorward")
    if version > FORMAT:
        raise UnsupportedBackupError(f"a newer release made the backup: {document.get('release')}")
    return About(document["created_at"], document["release"])


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError as error:
        raise DamagedFileError("the file is not a backup of Doorward") from error
    if not isinstance(document, dict):
        raise DamagedFileError("the file is not a backup of Doorward")
    return document


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if len(rest) > MAX_LINE_BYTES:
            raise DamagedFileError("the backup has a line that is too long")
    if rest:
        raise DamagedFileError("the backup is not whole")
