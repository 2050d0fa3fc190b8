"""Whether a file has changed, for files that are followed by polling."""

from __future__ import annotations

import os
from pathlib import Path

Fingerprint = tuple[int, ...] | None
"""Changes whenever the file does; None if the file does not exist."""


def fingerprint_of(path: Path) -> Fingerprint:
    """Return the fingerprint of the file at `path`."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
