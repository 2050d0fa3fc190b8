"""Files that nobody but their owner reads."""

from __future__ import annotations

import os
from pathlib import Path


def create_private_file(path: Path, text: str) -> None:
    """Write a new file that only its owner may read or write.

    Raises:
        FileExistsError: something is there already; it is left as it is.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def make_private_directory(path: Path) -> None:
    """Make `path`, which only its owner may enter, where there is no such directory yet."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
