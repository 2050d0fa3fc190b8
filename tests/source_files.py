"""The source files of this project."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

SHARED = pytest.mark.xdist_group("source files")
"""The mark of the modules that read the source: one process parses it, once for all of them."""
ROOT = Path(__file__).resolve().parents[1]


def sources(pattern: str) -> list[Path]:
    """Source files that match, relative to the project's root."""
    paths = sorted(path.relative_to(ROOT) for path in ROOT.glob(pattern) if ".venv" not in path.parts)
    assert paths, f"nothing matches {pattern}: the rule would hold of nothing"
    return paths


@cache
def tree(path: Path) -> ast.Module:
    """Parse a source file, given from the project's root or absolutely."""
    return ast.parse((ROOT / path).read_text())


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of a source file, as `ast.walk` yields them."""
    return tuple(ast.walk(tree(path)))
