"""A log file that survives restarts and is limited in size."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

MAX_BYTES = 8 << 20


def earlier(path: Path) -> Path:
    """Return the path of the previous log file of `path`."""
    return path.with_name(f"{path.name}.1")


class LogFile:
    """Appends to `path`. A line that would exceed `max_bytes` starts a new file.

    The full file replaces the previous one next to it, so there are never more than two.
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
        """Append `line` without splitting it between two files."""
        written = self._file.tell()
        if written and written + len(line) > self._max_bytes:
            self._file.close()
            self._path.replace(earlier(self._path))
            self._file = self._path.open("ab", buffering=0)
        self._file.write(line)
