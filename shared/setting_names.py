"""The names of all settings, read from the source of the settings models: ``*settings.py`` and ``logs.py``.

Reading the source instead of importing it lets each service know the settings of the other, which it must not
import and whose dependencies may be missing. An image with only one service gets the other's names as a
file at build time: ``python -m shared.setting_names > shared/setting_names.json``.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

PREFIX = "DOORWARD_"
PACKAGES = ("auth_service", "resource_service", "shared")

_ROOT = Path(__file__).resolve().parents[1]
_MADE_AT_BUILD = Path(__file__).with_name("setting_names.json")


@cache
def setting_names() -> Mapping[str, frozenset[str]]:
    """Map each package to the names of the variables that its settings are read from."""
    names: dict[str, frozenset[str]] = {}
    with suppress(FileNotFoundError):
        made = json.loads(_MADE_AT_BUILD.read_text(encoding="utf-8"))
        names = {package: frozenset(listed) for package, listed in made.items()}
    present = {package: _names_in(_ROOT / package) for package in PACKAGES if (_ROOT / package).is_dir()}
    return {**names, **present}


def _names_in(package: Path) -> frozenset[str]:
    return frozenset(
        name
        for folder, _, files in os.walk(package)
        for file in files
        if file.endswith("settings.py") or file == "logs.py"  # every command does this: not all files
        for name in _names_of(Path(folder, file))
    )


def _names_of(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.ClassDef) and node.bases and node.name.endswith("Settings"):
            prefix = _prefix_of(node)
            yield from (f"{prefix}{field}".upper() for field in _fields_of(node))


def _fields_of(model: ast.ClassDef) -> Iterator[str]:
    for statement in model.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id


def _prefix_of(model: ast.ClassDef) -> str:
    for node in ast.walk(model):
        if (
            isinstance(node, ast.keyword)
            and node.arg == "env_prefix"
            and isinstance(node.value, ast.Constant)
        ):
            return str(node.value.value)
    return PREFIX


if __name__ == "__main__":
    print(json.dumps({package: sorted(names) for package, names in setting_names().items()}))  # noqa: T201
