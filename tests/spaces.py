"""White space that people paste after a token or a password."""

from __future__ import annotations

SPACES = [" ", "  ", "\t", " \t "]
