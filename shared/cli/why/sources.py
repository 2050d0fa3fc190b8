"""Log sources of `doorward why`: named files, the logs of `doorward up`, standard input."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.cli.console import CommandError
from shared.cli.log_file import earlier
from shared.cli.why.entries import Entry, read_entries

STANDARD_INPUT = "-"
LOGS = ("auth.log", "resource.log")


@dataclass(frozen=True, slots=True)
class Source:
    """A log source.

    Attributes:
        paths: files, older ones first; ``-`` is standard input.
        name: for the message that nothing was found there.
    """

    name: str
    paths: Sequence[Path]

    def entries(self) -> Iterator[Entry]:
        """Yield every entry, file by file.

        Raises:
            CommandError: a file cannot be read.
        """
        for path in self.paths:
            if str(path) == STANDARD_INPUT:
                # Invalid bytes in a log must not stop the search.
                lines = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="replace")
                yield from read_entries(lines, "standard input")
                continue
            try:
                with path.open(encoding="utf-8", errors="replace") as file:
                    yield from read_entries(file, path.name)
            except OSError as error:
                raise CommandError(f"{path} cannot be read: {error.strerror}") from error


def sources(files: Sequence[Path], data_dir: Path) -> Iterator[Source]:
    """Yield the sources to search in order until something is found.

    Args:
        files: if given, the only sources.
        data_dir: the data directory of `doorward up`.
    """
    for file in files:
        if str(file) != STANDARD_INPUT and not file.is_file():
            raise CommandError(f"{file} is not a file" if file.exists() else f"there is no file {file}")
    if files:
        yield Source(", ".join(map(str, files)), files)
        return
    logs = [path for log in LOGS for path in (earlier(data_dir / log), data_dir / log) if path.exists()]
    if logs:
        yield Source(f"the logs in {data_dir}", logs)
    if _is_fed():
        yield Source("standard input", [Path(STANDARD_INPUT)])


def _is_fed() -> bool:
    """Check whether standard input is a pipe or a file, not a terminal or a device."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)
