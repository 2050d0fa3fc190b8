"""Files and directories that only their owner can access."""

from __future__ import annotations

import os
from pathlib import Path


def create_private_file(path: Path, content: str | bytes) -> None:
    """Write a new file that only its owner may read or write.

    Raises:
        FileExistsError: the path exists; it is left unchanged.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())


def make_private_directory(path: Path) -> None:
    """Create the directory `path`, accessible only to its owner, if it does not exist."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
