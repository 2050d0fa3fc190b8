"""Where `doorward why` looks: files that are named, the logs of `doorward up`, standard input."""

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
    """Somewhere to look.

    Attributes:
        paths: files, older ones first; ``-`` is standard input.
        name: for the sentence that says that nothing was found there.
    """

    name: str
    paths: Sequence[Path]

    def entries(self) -> Iterator[Entry]:
        """Every entry, file by file.

        Raises:
            CommandError: a file cannot be read.
        """
        for path in self.paths:
            if str(path) == STANDARD_INPUT:
                # Whatever bytes there are in a log, they are no reason to stop.
                lines = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="replace")
                yield from read_entries(lines, "standard input")
                continue
            try:
                with path.open(encoding="utf-8", errors="replace") as file:
                    yield from read_entries(file, path.name)
            except OSError as error:
                raise CommandError(f"{path} cannot be read: {error.strerror}") from error


def sources(files: Sequence[Path], data_dir: Path) -> Iterator[Source]:
    """Where to look, one after the other until something is found.

    Args:
        files: if there are any, nowhere else.
        data_dir: that of `doorward up`.
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
    """Whether somebody has put something into standard input: a pipe or a file, no terminal and no device."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)
