"""The source files of this project."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def sources(pattern: str) -> list[Path]:
    """Source files that match, relative to the project's root."""
    paths = sorted(path.relative_to(ROOT) for path in ROOT.glob(pattern) if ".venv" not in path.parts)
    assert paths, f"nothing matches {pattern}: the rule would hold of nothing"
    return paths
