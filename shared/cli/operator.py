"""The operator at the command line, as the journal names them."""

from __future__ import annotations

import getpass


def operator() -> str:
    """Return the name of the user of the operating system; "unknown" if it has none."""
    try:
        return getpass.getuser()[:64]
    except (KeyError, OSError):
        return "unknown"
