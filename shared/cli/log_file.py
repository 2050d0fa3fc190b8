"""A log that outlives restarts, and does not grow without end."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

MAX_BYTES = 8 << 20


def earlier(path: Path) -> Path:
    """Where what was in the log `path` before is kept."""
    return path.with_name(f"{path.name}.1")


class LogFile:
    """Appends to `path`. A line that would make it larger than `max_bytes` starts a new one, and the full one
    is kept beside it, in the place of the one before: there are never more than two.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._path = path
        self._max_bytes = max_bytes

    def __enter__(self) -> Self:
        self._file = self._path.open("ab", buffering=0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, line: bytes) -> None:
        """Append `line`, whole, to one file or the next."""
        written = self._file.tell()
        if written and written + len(line) > self._max_bytes:
            self._file.close()
            self._path.replace(earlier(self._path))
            self._file = self._path.open("ab", buffering=0)
        self._file.write(line)
