"""Examples from the standards, as data: each file says which one it is from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read(name: str) -> dict[str, Any]:
    """The vectors of a document, ``rfc7515`` for one."""
    vectors: dict[str, Any] = json.loads((Path(__file__).parent / f"{name}.json").read_text())
    return vectors
