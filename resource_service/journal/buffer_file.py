"""A file with the entries of a chain that are not delivered yet, locked by the process that writes it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from resource_service.journal.frames import Beginning, Contents, Frame, contents, encoded

SUFFIX = ".calls"
REWRITE_BYTES = 4_194_304
"""A file with more delivered bytes than this is written again, without them."""


class BufferFile:
    """Appends frames; each call returns when the file system has them.

    Not for several threads at once.
    """

    def __init__(self, path: Path, lock: int, file: int, size: int) -> None:
        self.path = path
        self.size = size
        # The lock is on a file of its own, because the other one is replaced.
        self._lock = lock
        self._file = file
        self._is_clean = True

    @classmethod
    def create(cls, path: Path, beginning: Beginning) -> BufferFile:
        """Create a file.

        Raises:
            OSError: it cannot be written, or another process uses it.
        """
        lock = _locked(path.with_suffix(".lock"))
        if lock is None:
            raise BlockingIOError(f"{path} is used by another process")
        created = cls(path, lock, -1, 0)
        created.rewrite(beginning, ())
        return created

    @classmethod
    def adopt(cls, path: Path) -> tuple[BufferFile, Contents] | None:
        """Take over the file of a process that has ended; None if it runs.

        Raises:
            ValueError: the file cannot be read.
        """
        lock = _locked(path.with_suffix(".lock"))
        if lock is None:
            return None
        with suppress(FileNotFoundError):
            read = contents(path.read_bytes())
            if read is None:
                os.close(lock)
                raise ValueError(f"{path} is not a file of the journal")
            adopted = cls(path, lock, -1, 0)
            adopted.rewrite(read.beginning, read.frames)  # without what was written in part
            return adopted, read
        os.close(lock)
        return None

    def append(self, frames: Iterable[Frame]) -> None:
        """Write frames at the end.

        Raises:
            OSError: they may be in the file in part; the next call writes at the same place.
        """
        data = b"".join([encoded(frame.lines) for frame in frames])
        if not self._is_clean:
            os.ftruncate(self._file, self.size)  # what a failed write left must not follow shorter data
        self._is_clean = False
        _write(self._file, data, self.size)
        self._is_clean = True
        self.size += len(data)

    def rewrite(self, beginning: Beginning, frames: Iterable[Frame]) -> None:
        """Replace the content, as a whole.

        Raises:
            OSError: the previous content stays.
        """
        data = b"".join(map(encoded, (beginning.to_content(), *(frame.lines for frame in frames))))
        new = self.path.with_suffix(".new")
        # By O_DSYNC, a write returns when the file system has it. With `fdatasync` after each write, the
        # thread would wait twice for the interpreter, which the event loop holds.
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_DSYNC
        file = os.open(new, flags, 0o600)
        try:
            _write(file, data, 0)
            os.rename(new, self.path)
            _sync_directory(self.path.parent)
        except OSError:
            os.close(file)
            raise
        if self._file >= 0:
            os.close(self._file)
        self._file, self.size, self._is_clean = file, len(data), True

    def close(self, *, remove: bool = False) -> None:
        """Release the file."""
        os.close(self._file)
        if remove:
            self.path.unlink(missing_ok=True)
            self.path.with_suffix(".lock").unlink(missing_ok=True)
        os.close(self._lock)


def _locked(path: Path) -> int | None:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file
    os.close(file)
    return None


def _write(file: int, data: bytes, position: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, position)
        view, position = view[written:], position + written


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
